"""Amazon SES: events as notifications of an SNS topic. See `sns` for how these are proven."""

from collections.abc import Iterator, Mapping, Sequence

from schemas import Malformed, Outcome
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part, moment, plain_address
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.sns import Sns

_OUTCOMES: Mapping[str, Outcome] = {
    "Send": "sent",
    "Delivery": "delivered",
    "Open": "open",
    "Click": "click",
    "DeliveryDelay": "soft_bounce",
    "Bounce": "soft_bounce",
    "Complaint": "complaint",
}
# What one person did; of a mail with several recipients SES does not know which.
_OF_ONE = ("Open", "Click")
# Where an event lists its recipients, if not all of the mail are concerned.
_CONCERNED = {
    "bounce": "bouncedRecipients",
    "complaint": "complainedRecipients",
    "deliveryDelay": "delayedRecipients",
    "delivery": "recipients",
}


class Ses(Service):
    """`topics` lists the ARNs of your SNS topics: SNS signs for everybody who has one."""

    KEYS = ("topics",)
    MAX_AGE = 2 * HOUR  # SNS tries for one

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        topics = given.texts("topics", "arn:aws:sns:eu-west-1:123456789012:ses-events")
        if any(topic.count(":") != 5 or not topic.startswith("arn:aws") for topic in topics):  # noqa: PLR2004
            given.wrong("topics", "write ARNs, such as arn:aws:sns:eu-west-1:123456789012:ses-events")
        self._sns = Sns(frozenset(topics), given.fetch)

    def proof(self, call: Call) -> Proof:
        """See `Service`."""
        return self._sns.proof(call)

    def settle(self, call: Call) -> None:
        """See `Service`: a topic's question whether we want its notifications is answered."""
        self._sns.confirm(call)

    def parts(self, call: Call) -> Sequence[bytes]:
        """See `Service`."""
        return self._sns.messages(call)

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        kind = part.text("eventType", "") or part.text("notificationType")
        outcome = _OUTCOMES.get(kind)
        if kind == "Subscription" and part.find("subscription.newTopicPreferences.unsubscribeAll") is True:
            outcome = "unsubscribe"
        if not outcome:
            return
        if kind == "Bounce" and part.text("bounce.bounceType", "") == "Permanent":
            outcome = "hard_bounce"
        block = kind[0].lower() + kind[1:]
        recipients = list(_recipients(part, block))
        if kind in _OF_ONE and len(recipients) > 1:
            return
        time = part.find(f"{block}.timestamp") or part.find("mail.timestamp")
        for path, address in recipients:
            yield Told(
                outcome,
                plain_address(path, address),
                moment(f"{block}.timestamp", time),
                part.text("mail.messageId"),
                part.text("mail.tags.campaign", ""),
                url=part.text("click.link", ""),
            )


def _recipients(part: Part, block: str) -> Iterator[tuple[str, str]]:
    """Path and text of each address that an event is about."""
    path = f"{block}.{_CONCERNED.get(block, 'recipients')}"
    if (found := part.find(path)) is None:
        path = "mail.destination"
        found = part.find(path)
    if not isinstance(found, list) or not found:
        raise Malformed(f"{path}: expected a list of recipients")
    for recipient in found:
        address = recipient.get("emailAddress") if isinstance(recipient, dict) else recipient
        if not isinstance(address, str):
            raise Malformed(f"{path}: expected addresses")
        yield path, address
