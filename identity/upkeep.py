"""Incremental upkeep: new facts in, changed records out; the same answer as `resolve` over everything.

What an event can change, and so what is loaded:

1. to 3. *Merge* the facts into the nodes they name, *screen* these, and let them *own* their links
   (`identity.keeping`).
4. *Touch* the customers of both ends of each link between them that began to live or moved up in the order,
   of each link within one that ceased to live, and those of identifiers that share a home with one that
   flipped. A link that begins, or moves up, within one customer changes nothing: its groups only meet
   earlier, what was refused them is so all the more, and what was not still fits, for all of it is within the
   customer that fits. Nor does a link between two that ceases: it was refused.
5. *Join* the touched customers, and whomever this bears on (`identity.rejoin`), and *name* them.

The proof by test is `tests/identity/test_upkeep.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from identity import graph
from identity.facts import FUTURE, Facts, Link
from identity.graph import Edge, IdRecord, Node, View
from identity.identifier import Identifier, Pair
from identity.keeping import Keeping
from identity.name import Customer, Minted, Minter, anchor_of, keeper_key
from identity.rejoin import Limit, Rejoin
from identity.rules import Rules


@dataclass(slots=True)
class Update:
    """A set of changes that belong together: all of it is committed, or none.

    `read_*` name every record that the outcome rests on, `nodes`, `far` and `customers` (by first member)
    those to write, of which None is gone (a node if it was erased), `minted` the new ids; `before` and
    `after` are the customers that change.
    """

    read_nodes: list[Identifier] = field(default_factory=list)
    read_far: list[Pair] = field(default_factory=list)
    read_customers: list[Identifier] = field(default_factory=list)
    nodes: dict[Identifier, Node | None] = field(default_factory=dict)
    far: dict[Pair, Edge | None] = field(default_factory=dict)
    customers: dict[Identifier, Customer | None] = field(default_factory=dict)
    minted: dict[str, Minted] = field(default_factory=dict)
    before: list[Customer] = field(default_factory=list)
    after: list[Customer] = field(default_factory=list)


def upkeep(
    view: View,
    facts: Facts,
    rules: Rules,
    *,
    minter: Minter,
    as_of: int | None,
    postponed: Facts | None = None,
) -> list[Update]:
    """Apply new facts to a view; returns the independent updates that bring it up to date.

    `as_of` must be the one that the view was built with, so that nothing else needs a second look. Where
    `postponed` is given, facts that bear on more than `graph.LARGE` identifiers are put there instead; up to
    as many again may be those that they name.
    """
    return _Upkeep(view, rules, minter, as_of).apply(facts, postponed)


def erase(
    view: View, erased: Mapping[Identifier, int], rules: Rules, *, minter: Minter, as_of: int | None
) -> list[Update]:
    """Take identifiers out of a view, with all their links; returns the independent updates that do so.

    `erased` says up to when each is erased: who was first taken in later is somebody new, and stays. What is
    left is what it would be had no event ever named the others.
    """
    return _Upkeep(view, rules, minter, as_of).erase(erased)


class _Upkeep(Keeping):
    def __init__(self, view: View, rules: Rules, minter: Minter, as_of: int | None) -> None:
        super().__init__(view, rules, as_of)
        self._minter = minter
        self._new: dict[Identifier, Customer] = {}  # by their first members
        self._minted: dict[str, Minted] = {}
        self._erased: set[Identifier] = set()

    def apply(self, facts: Facts, postponed: Facts | None) -> list[Update]:
        limit = Limit(graph.LARGE, facts.seen.keys()) if postponed is not None else None
        rejoin = self._rejoin(self.keep(facts), limit)
        aside = self._roots(rejoin.large)
        self._name([group for group in rejoin.groups if self._together.find(group[0]) not in aside])
        if postponed is not None:
            postponed.seen.update((x, s) for x, s in facts.seen.items() if self._together.find(x) in aside)
            postponed.signs.update((x, s) for x, s in facts.signs.items() if x in postponed.seen)
            # A link that says nothing new may lead elsewhere.
            ties = facts.links.items()
            postponed.links.update((ends, link) for ends, link in ties if postponed.seen.keys() >= {*ends})
        return self._updates(aside)

    def erase(self, erased: Mapping[Identifier, int]) -> list[Update]:
        records = self._records
        records.load(erased)
        known = ((x, records.known[x]) for x in erased)
        self._erased = {x for x, node in known if node is not None and node.seen.first_ingested <= erased[x]}
        near = self._cut_off() - self._erased
        flipped = self._erased | self._screen(near)
        self._own(near | {z for x in flipped for z in records.node(x).edges})
        self._name(list(self._rejoin(flipped, None).groups))
        return self._updates(set())

    def _cut_off(self) -> set[Identifier]:
        """Take the erased out, with their links from both ends; returns the other ends."""
        records = self._records
        for x in self._erased:
            records.reach_all(x)
        ends = [(z, x) for x in self._erased for z in records.node(x).edges]
        records.load(z for z, _ in ends)
        records.reach(ends)
        for z, x in ends:
            del records.draft(z).edges[x]
            self._together.add(x, z)
        for x in self._erased:
            draft = records.draft(x)
            draft.edges.clear()
            draft.fault, draft.customer, draft.first, draft.lone = "erased", "", None, False
        return {z for z, _ in ends}

    def _rejoin(self, flipped: set[Identifier], limit: Limit | None) -> Rejoin:
        """Join again what is touched."""
        rejoin = Rejoin(self._records, self._rules, limit)
        rejoin.run(*self._touched(flipped))
        return rejoin

    def _roots(self, identifiers: Iterable[Identifier]) -> set[Identifier]:
        """What stands for those with whom these must be committed together."""
        return set(map(self._together.find, identifiers))

    # 4. Touch

    def _touched(self, flipped: set[Identifier]) -> tuple[set[Identifier], list[Pair]]:
        """The identifiers whose customers must be looked at again, and the links that may join some."""
        loose: set[Identifier] = set()
        ties: list[Pair] = []
        aged: set[Identifier] = set()
        for x, draft in self._records.drafts.items():
            known = self._records.known.get(x)
            if known is None:
                loose.add(x)
                known = Node(x, draft.seen)
            elif draft.seen.first_ingested != known.seen.first_ingested:
                aged.add(x)
            for z, edge in draft.edges.items():
                before = known.edges.get(z, _NO_EDGE)
                lived, lives = known.is_live(z), draft.is_live(z)
                if not (lived or lives) and edge.link.verdict == before.link.verdict:
                    continue
                within = self._is_with(z, known.customer)
                if edge.link.verdict != before.link.verdict or (lived and not lives and within):
                    loose |= {x, z}
                if lives and not within and not (lived and edge.link == before.link):
                    ties.append((x, z))
        # An identifier that turns out to be older may come to stand before others in their line.
        loose |= flipped | aged | self.housemates(flipped | aged) | {end for ends in ties for end in ends}
        return loose, ties

    def _is_with(self, x: Identifier, customer: str) -> bool:
        known = self._records.known.get(x)
        return known is not None and known.customer == customer != ""

    # 5. Name

    def _name(self, groups: list[list[Identifier]]) -> None:
        # All at once: for a store across a network the number of calls matters, not their size.
        held = self._held({x for group in groups for x in group})
        self._records.ask(group[0] for group in groups)
        for group in groups:
            ids = [id_ for _, id_ in sorted(entry for x in group for entry in held.get(x, ()))]
            self._place(Customer((ids or [self._mint(group)])[0], tuple(group), tuple(ids[1:])))

    def _held(self, members: set[Identifier]) -> dict[Identifier, list[tuple[Minted, str]]]:
        """The published ids, with their age, that each keeper among `members` holds."""
        known, drafts = self._records.known, self._records.drafts
        homes = {home for x in members if (home := self._records.node(x).home) is not None}
        ids: dict[str, IdRecord] = self._view.ids(homes) if homes else {}
        self._records.load({resident for record in ids.values() for resident in record.residents})
        for x in members:
            home = self._records.node(x).home
            if home is not None:
                self._together.add(x, ids[home].residents[0])
        held: dict[Identifier, list[tuple[Minted, str]]] = {}
        for customer_id, record in ids.items():
            for resident in sorted(record.residents, key=self._place_in_line):
                node = drafts.get(resident) or known[resident]
                self._together.add(resident, record.residents[0])
                # Who was erased and came again is nobody's resident.
                if node is not None and node.fault is None and node.home == customer_id:
                    held.setdefault(resident, []).append((record.minted, customer_id))
                    break
        return held

    def _place_in_line(self, x: Identifier) -> tuple[int, int, Identifier]:
        node = self._records.drafts.get(x) or self._records.known[x]
        return keeper_key(x, node.seen.first_ingested if node is not None else FUTURE, self._rules)

    def _mint(self, group: list[Identifier]) -> str:
        seen = {x: self._records.node(x).seen for x in group}
        anchor = anchor_of(group, seen)
        counter = self._records.node(anchor).minted
        customer_id = self._minter.mint(anchor, seen[anchor].first_ingested, counter)
        self._minted[customer_id] = Minted(0, seen[anchor].first_ingested, anchor, counter)
        return customer_id

    def _place(self, customer: Customer) -> None:
        """Tell its members."""
        first = customer.members[0]
        self._new[first] = customer
        place = (customer.id, first, customer.lone)
        for x in customer.members:
            node = self._records.node(x)
            if (node.customer, node.first, node.lone) != place:
                draft = self._records.draft(x)
                draft.customer, draft.first, draft.lone = place

    # The outcome, in independent parts

    def _updates(self, aside: set[Identifier]) -> list[Update]:
        parts: defaultdict[Identifier, Update] = defaultdict(Update)
        self._add_nodes(parts)
        for first, old in self._records.customers.items():
            parts[self._together.find(first)].read_customers.append(first)
            if first not in self._new:
                self._replace(parts, first, old, None)
        for first in self._records.consulted.keys() - self._records.customers.keys():
            parts[self._together.find(first)].read_customers.append(first)
        for first, new in self._new.items():
            self._replace(parts, first, self._records.customers.get(first), new)
        for customer_id, minted in self._minted.items():
            parts[self._together.find(minted.anchor)].minted[customer_id] = minted
        return [
            update
            for root, update in parts.items()
            if root not in aside and (update.nodes or update.far or update.customers)
        ]

    def _add_nodes(self, parts: defaultdict[Identifier, Update]) -> None:
        known = self._records.known
        pushed = self._records.push()
        for x, draft in self._records.drafts.items():
            if draft != known.get(x):
                parts[self._together.find(x)].nodes[x] = None if x in self._erased else draft
        for x in known:
            parts[self._together.find(x)].read_nodes.append(x)
        for ends, edge in self._records.far.items():
            update = parts[self._together.find(ends[0])]
            update.read_far.append(ends)
            new = pushed.get(ends)
            if new != edge:
                update.far[ends] = new

    def _replace(
        self,
        parts: defaultdict[Identifier, Update],
        first: Identifier,
        old: Customer | None,
        new: Customer | None,
    ) -> None:
        if new == old:
            return
        update = parts[self._together.find(first)]
        update.customers[first] = new
        if old is None:
            update.read_customers.append(first)
        else:
            update.before.append(old)
        if new is not None:
            update.after.append(new)


_NO_EDGE = Edge(Link())
