"""Step 3 for what changed only: customers are joined again where something bears on them, and nowhere else.

A *region* is a few whole customers: those that an update touched, and those that a link which begins or moves
up leads to. Its own links are joined as in `identity.join`. A live link that leaves it is one that was
refused before, for otherwise its ends would be in one customer. It is refused again if its near end comes
to it, at its turn, with a group that has no room for the far end, whoever that comes with; or with a group
that has at least the mass of the one that it came with before: counts and foes only add up, so what stood
against the union stands against it now, provided the same holds at the far end. And it is refused if there is
no room for the *company* that its far end surely comes with: of its customer, which stays as it is, those to
whom it has a stronger live link, which was not refused, or they would not be of one customer. If every leaving
link is so, the region's groups are what joining everything would make of them, and nobody else notices: in
the order of step 3 each link inside finds what it finds in the whole. Where none is so, the link may be
accepted, so the customer at its far end is taken into the region, and the region is joined again.

Hence what is looked at is what a change bears on, however much hangs together by refused links. A change may
bear on all of it: in a chain of cookies every limit moves on by one when one is added to its newest end.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import count
from typing import NamedTuple

from identity.drafts import Drafts
from identity.facts import Link
from identity.identifier import Identifier, Pair, pair
from identity.join import Mass, join, order, weigh
from identity.resolve import components
from identity.rules import Rules
from identity.together import Together

# A region that has grown so often in vain takes in all that it touches, and twice as far each time.
_PATIENCE = 4

Group = list[Identifier]


class Limit(NamedTuple):
    """A region may have `most` identifiers, and up to as many again of those that are `named` anyway."""

    most: int
    named: AbstractSet[Identifier]

    def is_passed_by(self, region: set[Identifier]) -> bool:
        """Whether a region is too large."""
        size = len(region)
        return size > self.most and (size > 2 * self.most or len(region - self.named) > self.most)


class Rejoin:
    """Joins again what an update touches.

    However large it is, unless there is a `limit`. Then `groups` has the customers of all regions that were
    not given up, and `large` the identifiers of those that were.
    """

    def __init__(self, records: Drafts, rules: Rules, limit: Limit | None) -> None:
        self._records = records
        self._rules = rules
        self._limit = limit
        self._regions: Together[Identifier] = Together()
        self._taken: set[Identifier] = set()
        self._done: dict[Identifier, list[Group]] = {}  # by what stands for a region
        self._lives: dict[Identifier, dict[Identifier, Link]] = {}
        self._apart: dict[Identifier, list[Identifier]] = {}
        self._before: dict[Identifier, dict[Pair, Mass]] = {}  # by the first member of a customer
        self.large: set[Identifier] = set()

    def run(self, loose: Iterable[Identifier], ties: Iterable[Pair]) -> None:
        """Join the customers of `loose` identifiers; the two of a tie together."""
        self._take(loose)
        for ends in ties:
            self._regions.add(*ends)
        todo = set(map(self._regions.find, self._taken))
        for turn in count():
            leads = self._open(
                {
                    ends: mass
                    for root, region in self._grouped(todo)
                    for ends, mass in self._join(root, region).items()
                }
            )
            if not leads:
                break
            todo = self._widen(leads)
            for _ in range(2 ** (turn - _PATIENCE) if turn >= _PATIENCE else 0):
                self._widen(ends for _, region in self._grouped(todo) for ends in self._leaving(region))
                todo = set(map(self._regions.find, todo))
        for x in self._taken:
            self._records.together.add(x, self._regions.find(x))

    def _widen(self, leads: Iterable[Pair]) -> set[Identifier]:
        """Take into regions where their links lead; returns what stands for these regions."""
        leads = list(leads)
        self._take(z for _, z in leads)
        for ends in leads:
            self._regions.add(*ends)
        return {self._regions.find(x) for x, _ in leads}

    @property
    def groups(self) -> Iterator[Group]:
        """The customers, as they are now, of all that was joined again."""
        for root in {self._regions.find(x) for x in self._taken}:
            yield from self._done.get(root, ())

    def _take(self, identifiers: Iterable[Identifier]) -> None:
        """Take in identifiers, each with all of its customer."""
        new = {x for x in identifiers if x not in self._taken}
        records = self._records
        records.load(new)
        records.load_customers(new)
        self._taken |= new
        for x in new:
            first = records.first(x)
            if first is not None:
                for member in records.customers[first].members:
                    self._regions.add(member, x)
                    self._taken.add(member)

    def _grouped(self, roots: set[Identifier]) -> list[tuple[Identifier, set[Identifier]]]:
        regions: dict[Identifier, set[Identifier]] = {root: set() for root in roots}
        for x in self._taken:
            root = self._regions.find(x)
            if root in regions:
                regions[root].add(x)
        return list(regions.items())

    def _is_large(self, region: set[Identifier]) -> bool:
        return self._limit is not None and self._limit.is_passed_by(region)

    def _join(self, root: Identifier, region: set[Identifier]) -> dict[Pair, Mass]:
        """Join a region; returns the links that may lead out of it, and with what they come to their turn."""
        if self._is_large(region):
            self._done.pop(root, None)
            self.large |= region
            return {}
        near = {x: self._live(x) for x in region if self._records.node(x).fault is None}
        inside = {x: {z: link for z, link in links.items() if z in region} for x, links in near.items()}
        done: list[Group] = []
        open_links: dict[Pair, Mass] = {}
        for piece in components(inside):
            links = [((a, b), link) for a in piece for b, link in inside[a].items() if a < b]
            apart = [(x, z) for x in piece for z in self._foes(x)]
            outer = [x for x in piece if len(inside[x]) < len(near[x])]
            leaving = [((x, z), link) for x in outer for z, link in near[x].items() if z not in region]
            if leaving:
                groups, masses = weigh(piece, links, apart, leaving, self._rules)
                open_links |= {
                    ends: mass
                    for ends, mass in masses.items()
                    if mass.has_room(ends[1:], self._rules) and not mass.covers(self._mass(ends))
                }
            else:
                inner = [(a, b) for a, b in apart if a < b and b in piece]
                groups, _ = join(piece, links, inner, self._rules)
            done += groups
        self._done[root] = done
        return open_links

    def _open(self, leads: Mapping[Pair, Mass]) -> list[Pair]:
        """Those of the links that may be accepted, now that their far ends are asked whom they come with."""
        self._records.consult({z for _, z in leads if z not in self._taken})
        return [ends for ends, mass in leads.items() if mass.has_room(self._company(ends), self._rules)]

    def _company(self, ends: Pair) -> list[Identifier]:
        """The far end of a link, and with whom it surely comes to its turn.

        Of a customer that is in a region it is not known who stays: its own links are looked at from there.
        """
        x, z = ends
        first = self._records.first(z)
        if z in self._taken or first is None or first not in self._records.consulted:
            return [z]
        links, members = self._live(z), set(self._records.consulted[first].members)
        turn = order(pair(*ends), links[x], self._rules)
        company = [
            w for w, link in links.items() if w in members and order(pair(z, w), link, self._rules) < turn
        ]
        # That rests on these records.
        self._records.together.add(z, x)
        self._records.together.add(first, x)
        return [z, *company]

    def _live(self, x: Identifier) -> dict[Identifier, Link]:
        """The live links of one whose links stay as they are while customers are joined."""
        live = self._lives.get(x)
        if live is None:
            live = self._lives[x] = self._records.node(x).live
        return live

    def _foes(self, x: Identifier) -> list[Identifier]:
        foes = self._apart.get(x)
        if foes is None:
            foes = self._apart[x] = self._records.node(x).foes
        return foes

    def _leaving(self, region: set[Identifier]) -> Iterator[Pair]:
        if not self._is_large(region):
            yield from ((x, z) for x in region for z in self._live(x) if z not in region)

    def _mass(self, ends: Pair) -> Mass:
        """The mass that a leaving link met at its near end when it was refused."""
        first = self._records.first(ends[0])
        assert first is not None, "who has a link that was refused was part of a customer"
        if first not in self._before:
            self._before[first] = self._weighed(first)
        return self._before[first][ends]

    def _weighed(self, first: Identifier) -> dict[Pair, Mass]:
        """The same for all refused links of a customer."""
        members = set(self._records.customers[first].members)
        nodes = [node for x in members if (node := self._records.known[x]) is not None]
        ties = [((node.identifier, z), link) for node in nodes for z, link in node.live.items()]
        inside = [(ends, link) for ends, link in ties if ends[1] in members and ends[0] < ends[1]]
        leaving = [(ends, link) for ends, link in ties if ends[1] not in members]
        apart = [(node.identifier, z) for node in nodes for z in node.foes]
        return weigh(members, inside, apart, leaving, self._rules)[1]
