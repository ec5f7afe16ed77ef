"""Mandrill: a form with a list of events, signed with an HMAC over the webhook's URL and the form."""

from collections.abc import Iterator, Mapping, Sequence

from cryptography.hazmat.primitives.hashes import SHA1

from schemas import Malformed, Outcome
from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part, objects
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.signing import check_hmac, form, from_base64

_OUTCOMES: Mapping[str, Outcome] = {
    "send": "sent",
    "delivered": "delivered",
    "open": "open",
    "click": "click",
    "deferral": "soft_bounce",
    "soft_bounce": "soft_bounce",
    "hard_bounce": "hard_bounce",
    "spam": "complaint",
    "unsub": "unsubscribe",
}


class Mandrill(Service):
    """`secret` refers to the webhook's key, `url` is the webhook's address as Mandrill knows it."""

    KEYS = ("secret", "url")
    MAX_AGE = 72 * HOUR

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        self._key = given.secret()
        self._url = given.text("url", "https://hooks.example.com/v1/webhooks/mandrill, as Mandrill has it")

    def proof(self, call: Call) -> Proof:
        """See `Service`."""
        try:
            fields = "".join(name + value for name, value in sorted(form(call.body)))
        except Malformed as error:
            raise Forged(str(error)) from None
        signed = (self._url + fields).encode()
        # Mandrill signs with SHA-1 and nothing else; HMAC does not rest on what is broken of it.
        check_hmac(self._key, SHA1(), signed, from_base64(call.header("X-Mandrill-Signature")))  # noqa: S303
        return Proof(signed)

    def parts(self, call: Call) -> Sequence[bytes]:
        """See `Service`."""
        return objects(dict(form(call.body)).get("mandrill_events", "").encode())

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        outcome = _OUTCOMES.get(part.text("event", ""))
        if part.text("event", "") == "reject" and part.text("msg.reject.reason", "") == "hard-bounce":
            outcome = "hard_bounce"
        if outcome:
            yield Told(
                outcome,
                part.address("msg.email"),
                part.time("ts"),
                part.text("_id", ""),
                part.text("msg.tags", ""),
                url=part.text("url", ""),
            )
