"""SendGrid's Event Webhook: lists of events, signed with ECDSA over time and body."""

from collections.abc import Iterator, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from schemas import Outcome
from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part, objects
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.signing import from_base64, seconds

_OUTCOMES: Mapping[str, Outcome] = {
    "processed": "sent",
    "delivered": "delivered",
    "open": "open",
    "click": "click",
    "deferred": "soft_bounce",
    "bounce": "hard_bounce",
    "blocked": "soft_bounce",  # a bounce's `type`
    "spamreport": "complaint",
    "unsubscribe": "unsubscribe",
    "group_unsubscribe": "unsubscribe",
    "group_resubscribe": "subscribe",
}
# Why a message was dropped unsent, where it says that the address is dead.
_DEAD = ("Bounced Address", "Invalid")


class SendGrid(Service):
    """`secret` refers to the verification key that SendGrid shows, which is a public key."""

    MAX_AGE = 25 * HOUR  # it tries for a day

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        try:
            key = load_der_public_key(from_base64(given.secret().encode()))
        except (ValueError, Forged):
            key = None
        if not isinstance(key, EllipticCurvePublicKey):
            given.wrong("secret", "must hold SendGrid's verification key, which begins with MFkw")
        else:
            self._key = key

    def proof(self, call: Call) -> Proof:
        """See `Service`."""
        time = call.header("X-Twilio-Email-Event-Webhook-Timestamp")
        signature = from_base64(call.header("X-Twilio-Email-Event-Webhook-Signature"))
        try:
            self._key.verify(signature, time + call.body, ECDSA(SHA256()))
        except InvalidSignature:
            raise Forged("the signature does not fit") from None
        return Proof(time + call.body, seconds(time))

    def parts(self, call: Call) -> Sequence[bytes]:
        """See `Service`."""
        return objects(call.body)

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        kind = part.text("event")
        outcome = _OUTCOMES.get(part.text("type", "") if kind == "bounce" else kind, _OUTCOMES.get(kind))
        if kind == "dropped" and part.text("reason", "") in _DEAD:
            outcome = "hard_bounce"
        if outcome:
            yield Told(
                outcome,
                part.address("email"),
                part.time("timestamp"),
                part.text("sg_message_id", ""),
                part.text("singlesend_id", "") or part.text("marketing_campaign_id", ""),
                part.text("sg_event_id", ""),
                part.text("url", ""),
            )
