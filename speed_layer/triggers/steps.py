"""What travels to the one who keeps a customer's waits, and how messages come in and go out."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from schemas import Cause, CustomerTrigger, encode
from schemas.generation import Offsets
from speed_layer.triggers.waiting import Wait


class Join(Struct, frozen=True, tag="join"):
    """Join the customer's waits with these."""

    waits: Mapping[str, Wait]


class Look(Struct, frozen=True, tag="look"):
    """See whose the waits are by now, and fire what is due where all is known until `horizon`."""

    horizon: int


class Judge(Struct, frozen=True, tag="judge"):
    """See which segments the customer is in after `cause`, of the time `at`, which was routed at `now`."""

    at: int
    cause: Cause
    now: int


class Told(Struct, frozen=True, tag="told"):
    """See the same, for a generation changed them: `was` by the one before, with all below `offsets`."""

    at: int
    cause: Cause
    now: int
    was: Sequence[str]
    offsets: Offsets


Step = Join | Look | Judge | Told
unpack_step = msgspec.json.Decoder(Step).decode


class Message(NamedTuple):
    """A message as it lies in the log; `ingested_at` is its append time in microseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    ingested_at: int


class Outgoing(NamedTuple):
    """A message to send. The key is a customer's id, so that one worker has all that is about a customer."""

    to: Literal["steps", "due"]
    key: bytes
    value: bytes


def step(customer_id: str, what: Step) -> Outgoing:
    """A step for a customer."""
    return Outgoing("steps", customer_id.encode(), msgspec.json.encode(what))


def due(fired: CustomerTrigger) -> Outgoing:
    """What has fired, on its way to be delivered."""
    return Outgoing("due", fired.customer_id.encode(), encode(fired))
