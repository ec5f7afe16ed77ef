"""One visitor's story: she becomes known, permits, withdraws, is not written to, and is forgotten."""

import json
import time
import uuid
from collections.abc import Callable

from confluent_kafka import Producer

from deploy.awaiting import until
from deploy.demo.stage import say
from deploy.forget import forget
from deploy.receipts import receipt
from deploy.sending import send
from deploy.settings import Settings
from identity.consent import permission
from schemas import CONSENTS, WEB, Consent, encode
from serving_layer.permissions import check
from serving_layer.view import ServingView

_COOKIE, _EMAIL = ("cookie", "demo-visitor"), ("email", "vera.visitor@example.com")
_NEWSLETTER = permission("marketing", "email")


class Visitor:
    """Everything that happens to her goes through the log, and is told when answers know of it."""

    def __init__(self, settings: Settings, producer: Producer, view: ServingView) -> None:
        self._settings = settings
        self._producer = producer
        self._view = view

    def perform(self) -> bool:
        """Play it; returns whether she is gone at the end."""
        self._event(cookie=_COOKIE[1])
        seconds = self._await(lambda: self._id(_COOKIE) is not None, "the visitor to be seen")
        say(f"a cookie nobody knew is customer {self._id(_COOKIE)} after {seconds:.2f} s")
        self._event({"marketing": True}, cookie=_COOKIE[1], email=_EMAIL[1])
        self._await(self._is_known, "the visitor to be known")
        self._await(self._may_write, "her consent")
        say(f"she signs up for the newsletter: cookie and address are {self._id(_EMAIL)}, and it may be sent")
        self._withdraw()
        seconds = self._await(lambda: not self._may_write(), "her withdrawal")
        say(f"she withdraws: after {seconds:.2f} s it may not, wherever her cookie is met")
        return self._forget()

    def _forget(self) -> bool:
        asked = forget(self._settings, self._view, self._producer, _EMAIL)
        seconds = self._await(lambda: not self._is_anybody(), "her to be gone")
        say(f"she asks to be forgotten: after {seconds:.2f} s nobody is behind her cookie or her address")
        stores = receipt(self._settings, self._settings.tenant, asked.receipt)
        waiting = sum(not store.done for store in stores)
        say(f"her receipt ({asked.receipt}) names {waiting} stores that wait for a run, or for retention")
        return not self._is_anybody()

    def _event(self, consent: dict[str, bool] | None = None, **identifiers: str) -> None:
        event = {
            "event_id": f"visitor-{uuid.uuid4()}",
            "tenant": self._settings.tenant,
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "identifiers": identifiers,
            "consent": consent or {},
        }
        send(self._producer, WEB, [json.dumps(event).encode()])

    def _withdraw(self) -> None:
        word = Consent(
            consent_id=str(uuid.uuid4()),
            tenant=self._settings.tenant,
            stated_at=_now(),
            status="withdrawn",
            identifiers={_EMAIL[0]: [_EMAIL[1]]},
            purpose=_NEWSLETTER.purpose,
            channel=_NEWSLETTER.channel,
            source="ucid demo",
        )
        send(self._producer, CONSENTS, [encode(word)])

    def _id(self, identifier: tuple[str, str]) -> str | None:
        customer = self._view.lookup([identifier]).found[0].customer
        return None if customer is None else customer.id

    def _is_known(self) -> bool:
        return self._id(_EMAIL) is not None and self._id(_EMAIL) == self._id(_COOKIE)

    def _is_anybody(self) -> bool:
        return self._id(_EMAIL) is not None or self._id(_COOKIE) is not None

    def _may_write(self) -> bool:
        """Whether the newsletter may go to whoever has this cookie."""
        current, tenant = self._view.generations.current, self._settings.tenant
        (found,) = self._view.ask(check(current, tenant, [_COOKIE], _NEWSLETTER, _now())).found
        return found.status == "allowed"

    def _await(self, done: Callable[[], bool], what: str) -> float:
        """Wait until answers say so; returns how many seconds that took."""
        begun = time.monotonic()
        until(done, what, every=0.01)
        return time.monotonic() - begun


def _now() -> int:
    return time.time_ns() // 1_000
