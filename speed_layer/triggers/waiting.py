"""What is kept of a customer while a trigger waits: what began it last, and what ended it last.

A wait only widens, to the newer of both sides, so joining is commutative, associative and idempotent:
messages may come twice, late and in any order, and two customers who merge join their waits.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from schemas import Cause

# Before all times that an event may have.
NEVER = -(2**62)


class Wait(Struct, frozen=True, array_like=True):
    """Of one trigger: `begun` by `cause` and `ended`, both the newest by event time, in microseconds."""

    begun: int = NEVER
    cause: Cause | None = None
    ended: int = NEVER

    @property
    def open(self) -> bool:
        """Whether it may still fire."""
        return self.begun > self.ended

    @property
    def newest(self) -> int:
        """When something happened last."""
        return max(self.begun, self.ended)

    def joined(self, other: "Wait") -> "Wait":
        """What both know. Of two causes at one time, one is preferred by what it is alone."""
        last = max(self, other, key=_order)
        return Wait(last.begun, last.cause, max(self.ended, other.ended))


# Of one customer: a trigger's name -> its wait.
Waits = dict[str, Wait]


def joined(one: Mapping[str, Wait], other: Mapping[str, Wait]) -> Waits:
    """What both know of each trigger."""
    return {**one, **{name: wait.joined(one.get(name, wait)) for name, wait in other.items()}}


pack = msgspec.json.Encoder().encode
unpack = msgspec.json.Decoder(Waits).decode


def _order(wait: Wait) -> tuple[int, tuple[object, ...]]:
    cause = wait.cause
    return wait.begun, () if cause is None else (cause.event_id, cause.topic, cause.partition, cause.offset)
