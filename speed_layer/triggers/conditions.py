"""What a message must say to meet a condition."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from identity import Identifier
from identity.rules import as_regex
from schemas import CustomerChange, EmailEvent, Event, WebEvent

# What a condition may ask of each kind of event, besides `properties.…`.
WEB_FIELDS = ("kind", "site", "page")
EMAIL_FIELDS = ("outcome", "campaign_id")
PROPERTIES = "properties."


@dataclass(frozen=True, slots=True)
class Texts:
    """Some texts, each exact in any case, or a regular expression as `/…/` or `/…/i`."""

    exact: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Raises re.error."""
        patterns = [(entry, as_regex(entry)) for entry in entries]
        return cls(
            frozenset(entry.casefold() for entry, pattern in patterns if pattern is None),
            tuple(pattern for _, pattern in patterns if pattern is not None),
        )

    def __contains__(self, text: str) -> bool:
        return text.casefold() in self.exact or any(pattern.search(text) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Said:
    """An event of one kind, each of some fields being one of some texts."""

    kind: type[WebEvent | EmailEvent]
    fields: Mapping[str, Texts]

    def met(self, event: Event) -> bool:
        """Whether an event says so. A property that it lacks is none of any texts."""
        return isinstance(event, self.kind) and all(
            (text := _text(event, field)) is not None and text in texts
            for field, texts in self.fields.items()
        )


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


def _text(event: Event, field: str) -> str | None:
    if field.startswith(PROPERTIES):
        return event.properties.get(field.removeprefix(PROPERTIES))
    text: str = getattr(event, field)
    return text
