"""Postmark: one event a call, unsigned; a password, or a header of its own, shows where it comes from."""

from collections.abc import Iterator, Mapping

from schemas import Outcome
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.signing import check_equal, from_base64

# By RecordType: the outcome, and where recipient and time stand.
_RECORDS: Mapping[str, tuple[Outcome, str, str]] = {
    "Delivery": ("delivered", "Recipient", "DeliveredAt"),
    "Open": ("open", "Recipient", "ReceivedAt"),
    "Click": ("click", "Recipient", "ReceivedAt"),
    "Bounce": ("soft_bounce", "Email", "BouncedAt"),
    "SpamComplaint": ("complaint", "Email", "BouncedAt"),
    "SubscriptionChange": ("subscribe", "Recipient", "ChangedAt"),
}
# By the Type of a bounce, or why sending is suppressed; what is missing here says nothing of the person.
_WHY: Mapping[str, Outcome] = {
    **dict.fromkeys(("HardBounce", "BadEmailAddress"), "hard_bounce"),
    **dict.fromkeys(("Transient", "SoftBounce", "DnsError", "SpamNotification", "Blocked"), "soft_bounce"),
    **dict.fromkeys(("VirusNotification", "DMARCPolicy", "Unknown"), "soft_bounce"),
    **dict.fromkeys(("Unsubscribe", "ManualSuppression"), "unsubscribe"),
    "Subscribe": "subscribe",
    "SpamComplaint": "complaint",
}


class Postmark(Service):
    """`secret` refers to `user:password` of the webhook's URL, or to the value of the `header` named."""

    KEYS = ("secret", "header")
    MAX_AGE = 12 * HOUR  # it tries for ten and a half

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        self._secret = given.secret()
        self._header = given.text("header", "X-Webhook-Secret", "Authorization")

    def proof(self, call: Call) -> Proof:
        """See `Service`."""
        shown = call.header(self._header)
        if self._header == "Authorization":
            shown = from_base64(shown.removeprefix(b"Basic "))
        check_equal(self._secret, shown)
        return Proof(call.body)

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        kind = part.text("RecordType")
        outcome, recipient, time = _RECORDS.get(kind, (None, "", ""))
        if kind == "Bounce":
            outcome = _WHY.get(part.text("Type"))
        elif kind == "SubscriptionChange" and part.find("SuppressSending"):
            outcome = _WHY.get(part.text("SuppressionReason"))
        if outcome:
            yield Told(
                outcome,
                part.address(recipient),
                part.time(time),
                part.text("MessageID", ""),
                part.text("Tag", ""),
                url=part.text("OriginalLink", ""),
            )
