"""What a change of a customer, or of its segments, must say; conditions on events: `identity.conditions`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from identity import Identifier
from schemas import CustomerChange


@dataclass(frozen=True, slots=True)
class Gained:
    """A known customer gained an identifier of one of some types: a device, say.

    Known is who holds an identifier of a `known_by` type. With `from_visitors` a device counts also where
    somebody used it before, of whom nothing else was known, and now turns out to be this customer.
    """

    types: frozenset[str]
    known_by: frozenset[str]
    from_visitors: bool = False

    def may_be_met(self, change: CustomerChange) -> bool:
        """What can be told from the change alone. Without a cause, a generation did it, and nobody else."""
        if change.cause is None:
            return False
        if change.kind == "moved" and not change.previous:
            return any(identifier.type in self.types for identifier in change.identifiers)
        return change.kind == "merged" and self.from_visitors

    def met(self, change: CustomerChange, members: Iterable[Identifier]) -> bool:
        """Whether it is so; `members` are the customer's identifiers after the change."""
        if not self.may_be_met(change):
            return False
        came = {(identifier.type, identifier.value) for identifier in change.identifiers}
        gained = {type_ for type_, _ in came}
        kept = {member.type for member in members if (member.type, member.value) not in came}
        if change.kind == "moved":
            return bool(kept & self.known_by)
        # The oldest id stays in a merge, so the visitor may be on either side. Where both sides are known,
        # two customers became one, and their devices are no news.
        return self._one_was_a_visitor(gained, kept) or self._one_was_a_visitor(kept, gained)

    def _one_was_a_visitor(self, visitor: set[str], other: set[str]) -> bool:
        return bool(visitor) and visitor <= self.types and bool(other & self.known_by)


@dataclass(frozen=True, slots=True)
class Crossed:
    """A customer came into a segment or, where it does not say `joined`, left it."""

    segment: str
    joined: bool

    def met(self, segments: Collection[str]) -> bool:
        """Whether who is in these segments is on the side that it asks for."""
        return (self.segment in segments) == self.joined
