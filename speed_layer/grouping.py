"""What of a batch hangs together: by its links, and by the customers that these touch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain

from identity import Facts, Identifier, Seen
from identity.facts import Link, Signs
from identity.identifier import Pair
from identity.together import Together
from schemas import records


@dataclass(slots=True)
class Group:
    """Facts that hang together; `places` are the hashes that name the customers which they touch."""

    seen: dict[Identifier, Seen] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    signs: dict[Identifier, Signs] = field(default_factory=dict)
    places: set[bytes] = field(default_factory=set)

    def add_to(self, facts: Facts) -> None:
        """Say all this."""
        facts.seen.update(self.seen)
        facts.links.update(self.links)
        facts.signs.update(self.signs)


def grouped(facts: Facts, known: Mapping[Identifier, bytes], shut: Collection[Pair] = ()) -> list[Group]:
    """Facts that are tied to others, but for the `shut` links; `known` has the encoded nodes."""
    links = {ends: link for ends, link in facts.links.items() if ends not in shut} if shut else facts.links
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
        group.seen[x] = facts.seen[x]
        if x in places:
            group.places.add(places[x])
    for ends, link in links.items():
        of[ends[0]].links[ends] = link
    for x, signs in facts.signs.items():
        if x in of:
            of[x].signs[x] = signs
    return [*groups.values()]


def sliced(facts: Facts, most: int) -> list[Facts]:
    """Facts in parts of about `most` identifiers, of which none is tied to one in another part."""
    if len(facts.seen) <= most:
        return [facts]
    tied = dict.fromkeys(chain.from_iterable(facts.links))
    alone = [entry for entry in facts.seen.items() if entry[0] not in tied]
    count = -(-len(facts.seen) // most)
    parts = [
        Facts(dict(alone[i * len(alone) // count : (i + 1) * len(alone) // count])) for i in range(count)
    ]
    together: Together[Identifier] = Together()
    for a, b in facts.links:
        together.add(a, b)
    of: dict[Identifier, Facts] = {}  # by what stands for those who are tied
    for i, x in enumerate(tied):
        part = of.setdefault(together.find(x), parts[i * count // len(tied)])
        part.seen[x] = facts.seen[x]
    for ends, link in facts.links.items():
        of[together.find(ends[0])].links[ends] = link
    for part in parts:
        part.signs.update((x, signs) for x, signs in facts.signs.items() if x in part.seen)
    return parts


def shut_out(facts: Facts, known: Mapping[Identifier, bytes], rest: Facts) -> set[Pair]:
    """The links to those that are shut, which hold nothing together; they, and their ends, join the rest."""
    out = {x for x, node in known.items() if records.is_shut(node)}
    shut = {ends for ends in facts.links if not out.isdisjoint(ends)} if out else set()
    for ends in shut:
        rest.links[ends] = facts.links[ends]
        rest.seen.update((x, facts.seen[x]) for x in ends)
        rest.signs.update((x, facts.signs[x]) for x in ends if x in facts.signs)
    return shut
