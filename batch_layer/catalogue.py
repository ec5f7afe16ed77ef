"""The catalogue: which source feeds which identifiers and attributes, how much of it is good, and how fresh.

Each run makes it of what has landed (`batch_layer.tally`) and of the rules in use. It counts and names; no
value of anybody is in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from batch_layer.sources.loads import LANDED, Load
from identity import Rules, personal
from schemas.counted import Counted, Fed, Source, Use, Way

Kind = Literal["source", "identifier", "attribute"]

# A type or attribute that is named by more sources than people would read is named by faulty ones.
MOST_NAMES: Final = 1_000


class Place(NamedTuple):
    """What is counted: of a tenant's source itself (no name), or one of the things that it feeds."""

    tenant: str
    source: str
    way: Way
    kind: Kind
    name: str


class Count(NamedTuple):
    """How often something was accepted and rejected, of what moment at the newest, and when last taken in."""

    accepted: int = 0
    rejected: int = 0
    newest: int = 0
    taken_in: int = 0

    def __add__(self, other: "Count") -> "Count":  # type: ignore[override]
        """Both together."""
        return Count(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            max(self.newest, other.newest),
            max(self.taken_in, other.taken_in),
        )


Counts = Mapping[Place, Count]
Sources = Mapping[str, list[Source]]


def of_loads(loads: Iterable[Load]) -> Counts:
    """Of each slow source how many rows its last load refused, and when something landed last."""
    found: dict[Place, Count] = {}
    for load in loads:  # oldest first
        place = Place(load.tenant, load.source, "records", "source", "")
        landed = load.ingested_at if load.state == LANDED else found.get(place, Count()).taken_in
        found[place] = Count(rejected=load.counts.get("rejected", 0), taken_in=landed)
    return found


def of_former(counted: Iterable[Counted], way: Way) -> Counts:
    """What a run before has counted of sources of one way."""
    found: dict[Place, Count] = {}
    for one in counted:
        for source in one.sources:
            if source.way == way:
                found[Place(one.tenant, source.name, way, "source", "")] = _count(source)
                for kind, fed in _fed(source):
                    found[Place(one.tenant, source.name, way, kind, fed.name)] = _count(fed)
    return found


def together(several: Iterable[Counts]) -> Counts:
    """All of it."""
    found: defaultdict[Place, Count] = defaultdict(Count)
    for counts in several:
        for place, count in counts.items():
            found[place] += count
    return found


def catalogue(counts: Counts, rules: Rules, said: Mapping[tuple[str, str], Mapping[str, str]]) -> Sources:
    """The sources of each tenant, by their names, with what they feed under some rules.

    `said` has the classes that slow sources say of their data, by tenant and source.
    """
    parts: defaultdict[Place, list[Fed]] = defaultdict(list)
    for place, count in sorted(counts.items()):
        if place.kind == "source":
            continue
        some = parts[place._replace(name="")]
        if len(some) < MOST_NAMES:
            classes = said.get((place.tenant, place.source), {}) if place.way == "records" else {}
            some.append(fed(rules, place.source, place.kind, place.name, classes.get(place.name), count))
    found: defaultdict[str, list[Source]] = defaultdict(list)
    for place, count in sorted(counts.items()):
        if place.kind == "source":
            source = Source(
                name=place.source,
                way=place.way,
                identifiers=parts[place._replace(kind="identifier")],
                attributes=parts[place._replace(kind="attribute")],
                **count._asdict(),
            )
            found[place.tenant].append(source)
    return found


def fed(rules: Rules, source: str, kind: Kind, name: str, said: str | None, count: Count) -> Fed:
    """What some rules make of an identifier type or attribute; `said` is its class by the source."""
    of = personal.of_identifier if kind == "identifier" else personal.of_attribute
    class_, assumed = of(rules, name, said)
    return Fed(
        name=name,
        used=uses(rules, source, kind, name),
        personal=class_,
        assumed=assumed,
        **count._asdict(),
    )


def uses(rules: Rules, source: str, kind: Kind, name: str) -> list[Use]:
    """What an identifier type or attribute of a source is used for."""
    if kind == "identifier":
        return ["identifier"]
    rule = rules.profile.get(name)
    found: list[Use] = ["profile"] if rule is not None and rule.takes(source) else []
    if any(name in key.made_from for key in rules.match_keys):
        found.append("match key")
    return found or ["none"]


def _count(counted: Source | Fed) -> Count:
    return Count(counted.accepted, counted.rejected, counted.newest, counted.taken_in)


def _fed(source: Source) -> Iterator[tuple[Kind, Fed]]:
    yield from (("identifier", each) for each in source.identifiers)
    yield from (("attribute", each) for each in source.attributes)
