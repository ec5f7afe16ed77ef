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
_FIELD = "mandrill_events"


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
        # Mandrill signs all fields, names and values in one; with this one alone there is one way to read it.
        signed = f"{self._url}{_FIELD}{_events(call.body)}".encode()
        # Mandrill signs with SHA-1 and nothing else; HMAC does not rest on what is broken of it.
        check_hmac(self._key, SHA1(), signed, from_base64(call.header("X-Mandrill-Signature")))  # noqa: S303
        return Proof(signed)

    def parts(self, call: Call) -> Sequence[bytes]:
        """See `Service`."""
        return objects(_events(call.body).encode())

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        outcome = _OUTCOMES.get(part.text("event", ""))
        if outcome:
            yield Told(
                outcome,
                part.address("msg.email"),
                part.time("ts"),
                part.text("_id", ""),
                part.text("msg.tags", ""),
                url=part.text("url", ""),
            )


def _events(body: bytes) -> str:
    """The form's one field. Raises Forged."""
    try:
        ((name, value),) = form(body)
    except (Malformed, ValueError):
        name = value = ""
    if name != _FIELD:
        raise Forged(f"it is no form with {_FIELD} and nothing else")
    return value
