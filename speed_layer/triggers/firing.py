"""From a condition that came true to the record that is sent."""

import uuid

from schemas import Cause, CustomerTrigger
from speed_layer.triggers.model import Trigger

# Makes ids of triggers and nothing else; it must never change, or replays are no longer recognised.
_NAMESPACE = uuid.UUID("9a1f3bd2-5a1c-4ba6-8d0a-6d5dd3c4b3f5")


def trigger_id(tenant: str, trigger: str, customer_id: str, event_id: str) -> str:
    """The idempotency key: a name-based UUID (RFC 9562, version 5) of what makes two firings one.

    A NUL is in none of the four, so no two of them read alike.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{tenant}\0{trigger}\0{customer_id}\0{event_id}"))


def fired(tenant: str, trigger: Trigger, customer_id: str, at: int, cause: Cause) -> CustomerTrigger:
    """What is told of a trigger that fires for a customer; the same for the same causing event."""
    return CustomerTrigger(
        trigger_id=trigger_id(tenant, trigger.name, customer_id, cause.event_id),
        tenant=tenant,
        trigger=trigger.name,
        at=at,
        customer_id=customer_id,
        cause=cause,
        purpose=trigger.purpose,
        channel=trigger.channel,
    )
