"""What of a batch hangs together: by its links, and by the customers that these touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from identity import Facts, Identifier, Seen
from identity.facts import Link, Signs
from identity.identifier import Pair
from identity.together import Together
from schemas import records


class Part(NamedTuple):
    """Of some facts a part: who was met `alone`, and who is tied to whom. Nobody is tied to another part."""

    facts: Facts
    alone: Sequence[Identifier]
    links: Mapping[Pair, Link]


@dataclass(slots=True)
class Group:
    """Facts that hang together; `places` are the hashes that name the customers which they touch."""

    seen: dict[Identifier, Seen] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    signs: dict[Identifier, Signs] = field(default_factory=dict)
    places: set[bytes] = field(default_factory=set)

    def add(self, x: Identifier, facts: Facts, place: bytes) -> None:
        """An identifier, what facts say of it by itself, and its place if it has one."""
        self.seen[x] = facts.seen[x]
        if x in facts.signs:
            self.signs[x] = facts.signs[x]
        if place:
            self.places.add(place)

    def add_to(self, facts: Facts) -> None:
        """Say all this."""
        facts.seen.update(self.seen)
        facts.links.update(self.links)
        facts.signs.update(self.signs)


def grouped(facts: Facts, links: Mapping[Pair, Link], known: Mapping[Identifier, bytes]) -> list[Group]:
    """What hangs together by some of the links, and what facts say of it; `known` has the encoded nodes."""
    together: Together[Identifier | bytes] = Together()
    for a, b in links:
        together.add(a, b)
    # In the order in which they were met: what is close in memory is looked at together.
    tied = dict.fromkeys(chain.from_iterable(links))
    places = {x: place for x in tied if x in known and (place := records.customer_digest(known[x]))}
    for x, place in places.items():
        together.add(x, place)
    groups: dict[Identifier | bytes, Group] = {}
    of: dict[Identifier, Group] = {}
    for x in tied:
        root = together.find(x)
        group = groups.get(root)
        if group is None:
            group = groups[root] = Group()
        of[x] = group
        group.add(x, facts, places.get(x, b""))
    for ends, link in links.items():
        of[ends[0]].links[ends] = link
    return [*groups.values()]


def add_alone(groups: list[Group], facts: Facts, nodes: Mapping[Identifier, bytes]) -> None:
    """Add who was met alone, to who touches his customer or by himself; `nodes` are theirs, encoded."""
    at = {place: group for group in groups for place in group.places}
    for x, node in nodes.items():
        place = records.customer_digest(node)
        group = at.get(place)
        if group is None:
            group = Group()
            groups.append(group)
            if place:
                at[place] = group
        group.add(x, facts, place)


def sliced(facts: Facts, most: int) -> list[Part]:
    """Facts in parts of about `most` identifiers."""
    tied = dict.fromkeys(chain.from_iterable(facts.links))
    alone = [x for x in facts.seen if x not in tied]
    count = -(-len(facts.seen) // most)
    if count <= 1:
        return [Part(facts, alone, facts.links)]
    links: list[dict[Pair, Link]] = [{} for _ in range(count)]
    together: Together[Identifier] = Together()
    for a, b in facts.links:
        together.add(a, b)
    of: dict[Identifier, dict[Pair, Link]] = {}  # by what stands for those who are tied
    for i, x in enumerate(tied):
        of.setdefault(together.find(x), links[i * count // len(tied)])
    for ends, link in facts.links.items():
        of[together.find(ends[0])][ends] = link
    cuts = [i * len(alone) // count for i in range(count + 1)]
    return [Part(facts, alone[cuts[i] : cuts[i + 1]], links[i]) for i in range(count)]


def without_shut(part: Part, known: Mapping[Identifier, bytes], rest: Facts) -> Mapping[Pair, Link]:
    """Its links but for those to who is shut, which hold nothing together: these join the rest."""
    facts, links = part.facts, part.links
    out = {x for x, node in known.items() if records.is_shut(node)}
    shut = {ends for ends in links if not out.isdisjoint(ends)} if out else set()
    for ends in shut:
        rest.links[ends] = links[ends]
        rest.seen.update((x, facts.seen[x]) for x in ends)
        rest.signs.update((x, facts.signs[x]) for x in ends if x in facts.signs)
    return {ends: link for ends, link in links.items() if ends not in shut} if shut else links
