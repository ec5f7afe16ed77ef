"""Segments: named conditions on what is known of a customer, on what they permit and on what they did.

What is counted is kept as registers (`identity.profile`): an event that meets a condition is a claim, and no
more of them are kept than decide it. So a customer's segments follow merges and splits, and stream and batch
agree on them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from identity.attributes import measure
from identity.conditions import Said, Texts
from identity.consent import Permission, Statement, Status, standing
from identity.facts import PAST
from identity.profile import Claim, Registers, Told, Value
from identity.rules import Rules

# Claimed by an event that is counted.
ONE = "1"

# What each of a customer's identifiers states of permissions.
Consents = Iterable[Mapping[Permission, Statement]]


@dataclass(frozen=True, slots=True)
class Known:
    """A condition on an attribute: known at all or not, and if so one of some texts, or within bounds."""

    attribute: str
    type: str
    known: bool = True
    texts: Texts | None = None
    minimum: str | None = None
    maximum: str | None = None

    def met(self, profile: Mapping[str, Value]) -> bool:
        """Whether a profile is so."""
        found = profile.get(self.attribute)
        if found is None or not self.known:
            return (found is not None) == self.known
        if self.texts is not None and found.value not in self.texts:
            return False
        if self.minimum is not None and measure(found.value, self.type) < measure(self.minimum, self.type):
            return False
        return self.maximum is None or measure(found.value, self.type) <= measure(self.maximum, self.type)


@dataclass(frozen=True, slots=True)
class Counted:
    """A condition on how many events there were: `least` to `most`, within so many microseconds or ever.

    `register` is the name under which they are kept.
    """

    register: str
    said: tuple[Said, ...]
    within: int | None = None
    least: int = 1
    most: int | None = None

    @property
    def keep(self) -> int:
        """How many of an identifier's events decide it, the newest."""
        return max(self.least, 0 if self.most is None else self.most + 1)

    def met(self, members: Iterable[Registers], as_of: int | None) -> bool:
        """Whether the events of a customer's identifiers are so many."""
        since = None if self.within is None or as_of is None else as_of - self.within
        events = {
            (claim.source, claim.key)
            for registers in members
            for claim in registers.get(self.register, ())
            if since is None or claim.at >= since
        }
        return self.least <= len(events) and (self.most is None or len(events) <= self.most)


@dataclass(frozen=True, slots=True)
class Permits:
    """A condition on how a permission stands: it is one of some statuses."""

    asked: Permission
    statuses: frozenset[Status]

    def met(self, consents: Consents, as_of: int | None) -> bool:
        """Whether it stands so at a moment; without one no grant with an end is over."""
        return standing(consents, self.asked, PAST if as_of is None else as_of).status in self.statuses


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions that all have to be met."""

    profile: tuple[Known, ...] = ()
    events: tuple[Counted, ...] = ()
    consents: tuple[Permits, ...] = ()

    def met(
        self,
        profile: Mapping[str, Value],
        members: Sequence[Registers],
        as_of: int | None,
        consents: Sequence[Mapping[Permission, Statement]],
    ) -> bool:
        """Whether they are."""
        return (
            all(known.met(profile) for known in self.profile)
            and all(counted.met(members, as_of) for counted in self.events)
            and all(permits.met(consents, as_of) for permits in self.consents)
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """Who meets some conditions, and not those of `unless`; `meaning` is what was written, as JSON.

    Who is in one that is `key` is a key customer.
    """

    name: str
    when: Conditions
    unless: Conditions | None
    key: bool
    meaning: str

    @property
    def counted(self) -> tuple[Counted, ...]:
        """All that it counts."""
        return self.when.events + (self.unless.events if self.unless is not None else ())

    @property
    def permits(self) -> tuple[Permits, ...]:
        """All that it asks of permissions."""
        return self.when.consents + (self.unless.consents if self.unless is not None else ())


def counted(rules: Rules, kind: str, event: Any) -> list[str]:  # noqa: ANN401 - a record of schemas.events
    """The registers that an event of a kind counts in."""
    return [
        condition.register
        for condition in rules.counted
        if any(said.met(kind, event) for said in condition.said)
    ]


def counting(registers: Iterable[str], source: str, key: str, at: int, ingested_at: int) -> list[Told]:
    """The claims of an event that counts in some registers."""
    claim = Claim(at, ONE, source, key, ingested_at)
    return [Told(register, claim) for register in registers]


def segments(
    rules: Rules,
    profile: Mapping[str, Value],
    members: Iterable[Registers],
    as_of: int | None,
    consents: Consents = (),
) -> list[str]:
    """The segments of a customer with a profile, and registers and consents of its members, by name.

    `as_of` (microseconds) is the moment that windows reach back from, and at which a grant holds or is over;
    what was said or done later counts, too.
    """
    some, said = list(members), list(consents)
    return [
        name
        for name, segment in sorted(rules.segments.items())
        if segment.when.met(profile, some, as_of, said)
        and not (segment.unless is not None and segment.unless.met(profile, some, as_of, said))
    ]
