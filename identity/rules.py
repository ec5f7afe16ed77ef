"""Rules: what a company says of its identifiers, as values.

`Rules` is immutable and complete (every default filled in); `identity.rulefile` reads it from YAML.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from identity.attributes import AttributeRule

if TYPE_CHECKING:  # they are read with what is below
    from identity.groups import GroupRule
    from identity.segments import Counted, Segment
    from identity.staleness import StaleRule

# So that nothing is unbounded: a customer with more values of one type is no person.
DEFAULT_MAX = 100

WHEN_SHARED = ("newest", "oldest", "nobody")


@dataclass(frozen=True, slots=True)
class TypeRule:
    """The rule for one identifier type. `rank` 1 is strongest; `max_age` is in microseconds."""

    name: str
    rank: int
    max: int = DEFAULT_MAX
    normalise: str = "none"
    region: str | None = None
    max_age: int | None = None
    when_shared: str = "newest"
    hot: int | None = None
    certainty: float = 1.0
    block: tuple[str, ...] = ()
    # Dotted paths of attributes, for a match key; empty for an identifier that events carry.
    made_from: tuple[str, ...] = ()
    # How each of them is normalised, where not all are by `normalise`; else empty.
    part_normalise: tuple[str, ...] = ()
    # A class of `identity.personal`, None where the rules name none.
    personal: str | None = None

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Of a match key: each attribute's path, and the name of its normaliser."""
        names = self.part_normalise or (self.normalise,) * len(self.made_from)
        return tuple(zip(self.made_from, names, strict=True))


class PairRule(NamedTuple):
    """What the rules say of a link between two types, seen from the first one."""

    rank: int  # of the weaker end: links are taken strongest first
    oldest: bool  # whether the weaker end's type prefers old links to new ones
    max_age: int | None  # the smaller of both ends'
    keep: int  # how many links to the other type the first end keeps
    contested: bool  # whether the first end goes to nobody when more than `keep` claim it


class ConsentRule(NamedTuple):
    """What an outcome of an e-mail says of a purpose over a channel: withdrawn, or else granted."""

    purpose: str
    withdraws: bool
    channel: str = "email"


# Unless the rules say otherwise of an outcome: who unsubscribes or complains no longer wants marketing mails.
CONSENT: Mapping[str, tuple[ConsentRule, ...]] = dict.fromkeys(
    ("unsubscribe", "complaint"), (ConsentRule("marketing", withdraws=True),)
)


@dataclass(frozen=True)
class Rules:
    """All rules of a tenant, by identifier type; those of attributes, by their path."""

    types: Mapping[str, TypeRule]
    ignore_unknown: bool = False
    version: int = 1
    # By outcome of an e-mail: what it says of permissions.
    consent: Mapping[str, tuple[ConsentRule, ...]] = field(default_factory=lambda: CONSENT)
    profile: Mapping[str, AttributeRule] = field(default_factory=dict)
    segments: "Mapping[str, Segment]" = field(default_factory=dict)
    groups: "Mapping[str, GroupRule]" = field(default_factory=dict)
    stale: "Mapping[str, StaleRule]" = field(default_factory=dict)
    # The purpose of consent by whose withdrawal an identifier objects to being joined; empty: none can.
    joining: str = ""
    _pairs: dict[tuple[str, str], PairRule] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def match_keys(self) -> tuple[TypeRule, ...]:
        """The types that are made from attributes."""
        return tuple(rule for rule in self.types.values() if rule.made_from)

    @cached_property
    def signs(self) -> frozenset[str]:
        """The outcomes of e-mails, and kinds of web events, that tell whether an identifier is stale."""
        return frozenset(kind for rule in self.stale.values() for kind in (*rule.after, *rule.revived_by))

    @cached_property
    def counted(self) -> "tuple[Counted, ...]":
        """All conditions of segments that count events."""
        return tuple(counted for segment in self.segments.values() for counted in segment.counted)

    @cached_property
    def asks_consent(self) -> bool:
        """Whether a segment asks what customers permit."""
        return any(segment.permits for segment in self.segments.values())

    @cached_property
    def registers(self) -> Mapping[str, AttributeRule]:
        """What is kept of claims, by attribute, and of events that segments count."""
        return {
            **self.profile,
            **{c.register: AttributeRule(c.register, "sum", "number", most=c.keep) for c in self.counted},
        }

    @cached_property
    def fingerprint(self) -> str:
        """Names these rules on every result: equal for files that mean the same."""
        meaning: dict[str, object] = {
            "version": self.version,
            "ignore_unknown": self.ignore_unknown,
            "types": {name: _meaning(rule) for name, rule in self.types.items()},
        }
        if self.consent != CONSENT:
            meaning["consent"] = dict(self.consent)
        if self.profile:
            meaning["profile"] = {name: _deciding(asdict(rule)) for name, rule in self.profile.items()}
        if self.segments:
            meaning["segments"] = {name: segment.meaning for name, segment in self.segments.items()}
        if self.groups:
            meaning["groups"] = {name: asdict(group) for name, group in self.groups.items()}
        if self.stale:
            meaning["stale"] = {name: asdict(rule) for name, rule in self.stale.items()}
        if self.joining:
            meaning["joining"] = self.joining
        canonical = json.dumps(meaning, sort_keys=True, ensure_ascii=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]

    def strength(self, type_: str) -> tuple[int, str]:
        """Orders types, strongest first; two types of one rank stand by name."""
        return (self.types[type_].rank, type_)

    def between(self, type_: str, other: str) -> PairRule:
        """The rule for links from an identifier of `type_` to one of type `other`."""
        known = self._pairs.get((type_, other))
        if known is None:
            known = self._pairs[type_, other] = self._between(self.types[type_], self.types[other])
        return known

    def _between(self, mine: TypeRule, other: TypeRule) -> PairRule:
        weaker = max(mine, other, key=lambda rule: self.strength(rule.name))
        ages = [age for age in (mine.max_age, other.max_age) if age is not None]
        return PairRule(
            rank=weaker.rank,
            oldest=weaker.when_shared == "oldest",
            max_age=min(ages, default=None),
            keep=other.max,
            contested=mine.when_shared == "nobody" and other.rank < mine.rank,
        )


def _deciding(fields: dict[str, object]) -> dict[str, object]:
    """Without what decides nothing: to class data anew is no reason to compute everything anew."""
    del fields["personal"]
    return fields


def _meaning(rule: TypeRule) -> dict[str, object]:
    """A rule as its fingerprint sees it: what was added later counts only where it is used."""
    fields = _deciding(asdict(rule))
    if not rule.part_normalise:
        del fields["part_normalise"]
    return fields
