"""Mailgun: one event a call, signed with an HMAC over time and token; the former form of calls, too."""

from collections.abc import Iterator, Mapping

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256

from schemas import Malformed, Outcome
from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.signing import check_hmac, form, from_hex, seconds

_OUTCOMES: Mapping[str, Outcome] = {
    "accepted": "sent",
    "delivered": "delivered",
    "opened": "open",
    "clicked": "click",
    "complained": "complaint",
    "unsubscribed": "unsubscribe",
}
_NOT_DELIVERED = ("failed", "dropped", "bounced")
# Not even tried, for what the person had said before, which is no news: reasons, and codes of old.
_SUPPRESSED = ("suppress-unsubscribe", "suppress-complaint", "606", "607")


class Mailgun(Service):
    """`secret` refers to the HTTP webhook signing key."""

    MAX_AGE = 9 * HOUR  # it tries for eight

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        self._key = given.secret()

    def proof(self, call: Call) -> Proof:
        """See `Service`. The signature does not cover the event: one token, one event."""
        try:
            signed = self.part(call.body)
            block = "signature." if isinstance(signed.find("signature"), dict) else ""
            time, token = (signed.text(f"{block}{name}").encode() for name in ("timestamp", "token"))
            signature = from_hex(signed.text(f"{block}signature").encode())
        except Malformed as error:
            raise Forged(f"no signature: {error}") from None
        check_hmac(self._key, SHA256(), time + token, signature)
        return Proof(token, seconds(time), unsigned=call.body)

    def part(self, raw: bytes) -> Part:
        """See `Service`."""
        return Part(_object(raw))

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        block = "event-data." if isinstance(part.find("event-data"), dict) else ""
        kind = part.text(f"{block}event")
        outcome = _not_delivered(part, block) if kind in _NOT_DELIVERED else _OUTCOMES.get(kind)
        if outcome:
            yield Told(
                outcome,
                part.address(f"{block}recipient"),
                part.time(f"{block}timestamp"),
                part.text(f"{block}message.headers.message-id", "")
                or part.text("Message-Id", "").strip("<>"),
                part.text(f"{block}tags", "") or part.text("tag", ""),
                part.text(f"{block}id", ""),
                part.text(f"{block}url", ""),
            )


def _not_delivered(part: Part, block: str) -> Outcome | None:
    reason, code = part.text(f"{block}reason", ""), part.text(f"{block}code", "")
    if reason in _SUPPRESSED or code in _SUPPRESSED:
        return None
    # "old" is who was tried for too long; a code of 4 is for the moment.
    gave_up = reason == "old" or code.startswith("4")
    return "soft_bounce" if gave_up or part.text(f"{block}severity", "") == "temporary" else "hard_bounce"


def _object(body: bytes) -> bytes:
    """The call as JSON, which the former form is not."""
    if body.lstrip()[:1] == b"{":
        return body
    # Fields of the customer's own come first where their names are the same.
    return msgspec.json.encode(dict(form(body)))
