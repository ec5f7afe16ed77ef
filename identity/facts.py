"""Facts: all that is known, as a join-semilattice.

Everything that `identity` concludes is a pure function of `Facts`. Two sets of facts merge by minimum,
maximum and union only, so merging is associative, commutative and idempotent: repeated, reordered and
re-batched deliveries cannot change an outcome (the laws stand in `tests/identity/test_resolve.py`).
Times are microseconds since the epoch, UTC.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import combinations
from typing import Final, NamedTuple, TypeVar

from identity.identifier import Identifier, Pair, pair

# The neutral elements of min and max: a fact that has not happened yet.
FUTURE = 2**63 - 1
PAST = -(2**63)

# Of each kind of failure of an identifier the newest so many are known: what bounds a record.
MOST_FAILURES: Final = 16


class Verdict(IntEnum):
    """A steward's word on a pair. Of two at the same moment the more cautious, the larger, wins."""

    NONE = 0
    MUST = 1
    CANNOT = 2


class Seen(NamedTuple):
    """When an identifier was seen: event time (first, last) and when it was first taken in."""

    first_seen: int
    last_seen: int
    first_ingested: int

    def merge(self, other: "Seen") -> "Seen":
        """Widen to cover both."""
        return Seen(
            min(self.first_seen, other.first_seen),
            max(self.last_seen, other.last_seen),
            min(self.first_ingested, other.first_ingested),
        )


class Link(NamedTuple):
    """What is known of two identifiers together: sightings, and the last decision on them.

    A link that only a decision made has never been seen: its times are the neutral elements.
    """

    first_seen: int = FUTURE
    last_seen: int = PAST
    first_ingested: int = FUTURE
    verdict: Verdict = Verdict.NONE
    decided_at: int = PAST

    def merge(self, other: "Link") -> "Link":
        """Widen to cover both; of two decisions the later holds."""
        decided_at, verdict = max((self.decided_at, self.verdict), (other.decided_at, other.verdict))
        return Link(
            min(self.first_seen, other.first_seen),
            max(self.last_seen, other.last_seen),
            min(self.first_ingested, other.first_ingested),
            verdict,
            decided_at,
        )


class Failure(NamedTuple):
    """What befell an identifier, such as `hard_bounce`, and when (event time)."""

    at: int
    kind: str


class Word(NamedTuple):
    """When somebody spoke of being joined, and whether to object. The larger holds."""

    at: int
    objects: bool


NO_WORD: Final = Word(PAST, objects=False)


class Signs(NamedTuple):
    """When an identifier last showed life, and its failures since: the newest first, so many of a kind.

    And the last word on its being joined. They merge like all facts: the newest failures of a union are the
    newest of the newest of its parts, and which come after the last sign of life is the same whether the
    others are left out sooner or later.
    """

    revived: int = PAST
    failures: tuple[Failure, ...] = ()
    word: Word = NO_WORD

    def merge(self, other: "Signs") -> "Signs":
        """What both know."""
        revived = max(self.revived, other.revived)
        if not self.failures and not other.failures:
            return Signs(revived, (), max(self.word, other.word))
        counts: Counter[str] = Counter()
        left = []
        for failure in sorted({*self.failures, *other.failures}, reverse=True):
            counts[failure.kind] += 1
            if failure.at > revived and counts[failure.kind] <= MOST_FAILURES:
                left.append(failure)
        return Signs(revived, tuple(left), max(self.word, other.word))


NO_SIGNS: Final = Signs()


# What a named tuple does, without the call in between: this runs for every identifier of every event.
_new = tuple.__new__

Key = TypeVar("Key")
Value = TypeVar("Value", Seen, Link, Signs)


def _widen(into: dict[Key, Value], key: Key, value: Value) -> None:
    known = into.get(key)
    if known is None:
        into[key] = value
    elif known != value:
        into[key] = known.merge(value)


@dataclass
class Facts:
    """A set of facts of one tenant; grows by `add_*` and `update`, never shrinks."""

    seen: dict[Identifier, Seen] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    erased: dict[Identifier, int] = field(default_factory=dict)
    quarantined: dict[Identifier, str] = field(default_factory=dict)
    signs: dict[Identifier, Signs] = field(default_factory=dict)  # of some of those that were seen

    def add_sighting(
        self,
        identifiers: Collection[Identifier],
        occurred_at: int,
        ingested_at: int,
        until: int | None = None,
    ) -> None:
        """Identifiers seen together in one event: each of them, and every pair of them.

        With `until`, in several events: the first at `occurred_at`, the last then, the first of them taken
        in at `ingested_at`.
        """
        last = occurred_at if until is None else until
        times = (occurred_at, last, ingested_at)
        seen = self.seen
        for x in identifiers:
            known = seen.get(x)
            if known is None:
                seen[x] = _new(Seen, times)
            elif occurred_at < known[0] or last > known[1] or ingested_at < known[2]:
                seen[x] = known.merge(_new(Seen, times))
        if len(identifiers) > 1:
            link = _new(Link, (*times, Verdict.NONE, PAST))
            for ends in combinations(sorted({*identifiers}), 2):
                _widen(self.links, ends, link)

    def add_decision(
        self, a: Identifier, b: Identifier, verdict: Verdict, decided_at: int, ingested_at: int
    ) -> None:
        """A steward's decision; it makes both identifiers known. Raises ValueError where a is b."""
        if a == b:
            raise ValueError("a decision needs two different identifiers")
        for end in (a, b):
            _widen(self.seen, end, Seen(decided_at, decided_at, ingested_at))
        _widen(self.links, pair(a, b), Link(verdict=verdict, decided_at=decided_at))

    def add_signs(self, identifier: Identifier, signs: Signs) -> None:
        """What tells whether it is stale or objects; of an identifier that is added as seen, too."""
        _widen(self.signs, identifier, signs)

    def add_erasure(self, identifier: Identifier, ingested_at: int) -> None:
        """From here on nothing that was taken in up to `ingested_at` counts for this identifier."""
        self.erased[identifier] = max(ingested_at, self.erased.get(identifier, PAST))

    def add_quarantined(self, identifier: Identifier, reason: str) -> None:
        """A value that was seen but can link nobody. One value always has one reason."""
        self.quarantined[identifier] = reason

    def update(self, other: "Facts") -> None:
        """Merge `other` into this."""
        for identifier, seen in other.seen.items():
            _widen(self.seen, identifier, seen)
        for ends, link in other.links.items():
            _widen(self.links, ends, link)
        for identifier, at in other.erased.items():
            self.add_erasure(identifier, at)
        self.quarantined.update(other.quarantined)
        for identifier, signs in other.signs.items():
            self.add_signs(identifier, signs)

    @property
    def newest(self) -> int | None:
        """The newest event time, or None of no facts: the `as_of` of a log that is taken as it stands."""
        return max((seen.last_seen for seen in self.seen.values()), default=None)
