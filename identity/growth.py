"""Growth: facts that leave nothing to decide, which is most of them.

Where those concerned keep all their links and the customer that these make of them fits, nothing can be
refused, displaced or torn apart: known links only widen, and newcomers join the one customer that their
links lead to, or found one. What this customer was refused before, it is refused all the more. Who was taken
in earlier than was known may name his customer, and so may a newcomer; where none of its ids is published,
its members tell whether he does.
`upkeep` comes to the same records (a property test holds them together), but on the way it asks all the
questions whose answers are known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from identity import staleness
from identity.facts import PAST, Link, Seen, Signs
from identity.graph import Edge, Node
from identity.identifier import Identifier, Pair
from identity.name import Customer, Minted, Minter, anchor_of
from identity.rules import Rules
from identity.screen import expiry, link_fault
from identity.upkeep import Update


def is_settled(node: Node) -> bool:
    """Whether a node keeps all its links.

    One that the other end does not keep, or whose other end dropped out, takes no part, whatever happens at
    this end; only an event that names it may change that, and names an end that is not settled.
    """
    settled = node.fault is None and node.stale is None and not node.far
    return settled and all(e.mine or e.out for e in node.edges.values())


def grow(
    seen: Mapping[Identifier, Seen],
    links: Mapping[Pair, Link],
    signs: Mapping[Identifier, Signs],
    known: Mapping[Identifier, Node],
    customers: Sequence[Customer],
    rules: Rules,
    minter: Minter,
    as_of: int | None,
) -> Update | None:
    """The update for facts that hang together, or None where `upkeep` has to decide.

    `known` has the nodes that there are, of `seen` and, if they are to hear of it, of the members of
    `customers`, which are those of several identifiers that these facts touch.
    """
    growth = _Growth(known, rules, minter, as_of, Update(read_nodes=list(seen)))
    if not growth.widen(seen) or not growth.show(signs):
        return None
    grown = growth.tie(links)
    if grown is None or not all(map(growth.is_within, grown)):
        return None
    newcomers = [x for x in seen if x not in known]
    if (grown or newcomers or growth.aged) and not growth.join(newcomers, customers):
        return None
    return growth.update


@dataclass(slots=True)
class _Growth:
    """The update, with the nodes that become others.

    `aged` are those that were taken in earlier than was known.
    """

    known: Mapping[Identifier, Node]
    rules: Rules
    minter: Minter
    as_of: int | None
    update: Update
    nodes: dict[Identifier, Node] = field(default_factory=dict)
    aged: set[Identifier] = field(default_factory=set)

    def _draft(self, x: Identifier) -> Node:
        """A node to change."""
        node = self.nodes.get(x)
        if node is None:
            self.update.nodes[x] = self.nodes[x] = node = self.known[x].copy()
        return node

    def widen(self, seen: Mapping[Identifier, Seen]) -> bool:
        """Add the identifiers; False where that is not plain."""
        for x, sighting in seen.items():
            node = self.known.get(x)
            if node is None:
                self.update.nodes[x] = self.nodes[x] = Node(x, sighting)
                continue
            if not is_settled(node):
                return False
            if sighting[2] < node.seen[2]:
                if node.home is not None:
                    return False  # he may come to stand before others who are at home there
                self.aged.add(x)
                draft = self._draft(x)
                draft.seen, draft.minted = node.seen.merge(sighting), 0
            elif sighting[0] < node.seen[0] or sighting[1] > node.seen[1]:
                self._draft(x).seen = node.seen.merge(sighting)
        return True

    def show(self, signs: Mapping[Identifier, Signs]) -> bool:
        """Add the signs; False where one is stale by these, which would let go of links."""
        for x, told in signs.items():
            node = self.nodes.get(x) or self.known[x]
            merged = node.signs.merge(told)
            if staleness.since(x, merged, self.rules) is not None:
                return False
            if merged != node.signs:
                self._draft(x).signs = merged
        return True

    def tie(self, links: Mapping[Pair, Link]) -> set[Identifier] | None:
        """Add the links; returns whose number of links grew.

        None where a link does not count, or was refused and may be accepted when it comes earlier; and where
        only one of its ends knows of it, for these were read at two moments.
        """
        grown = set()
        known = self.known
        for (a, b), link in links.items():
            if link[4] != PAST or link_fault(link, self.rules.between(a[0], b[0]), self.as_of):
                return None
            mine, theirs = known.get(a), known.get(b)
            edge = mine.edges.get(b) if mine is not None else None
            back = theirs.edges.get(a) if theirs is not None else None
            if edge is None and back is None:
                edge = Edge(link, True, True)
                grown.add(a)
                grown.add(b)
            elif edge is None or back is None or self._was_refused(a, b):
                return None
            else:
                merged = edge.link.merge(link)
                if merged == edge.link:
                    continue
                edge = edge._replace(link=merged)
            self._draft(a).edges[b] = self._draft(b).edges[a] = edge
        return grown

    def _was_refused(self, a: Identifier, b: Identifier) -> bool:
        """Whether a link of theirs lives, and they are two customers all the same."""
        return self.known[a].is_live(b) and self.known[a].customer != self.known[b].customer

    def is_within(self, x: Identifier) -> bool:
        """Whether it may keep all its links, and is not hot."""
        counts: dict[str, int] = {}
        for type_, _ in self.nodes[x].edges:
            counts[type_] = counts.get(type_, 0) + 1
        hot, between = self.rules.types[x[0]].hot, self.rules.between
        for type_, count in counts.items():
            if count > between(x[0], type_).keep or (hot is not None and count > hot):
                return False
        return True

    def join(self, newcomers: list[Identifier], customers: Sequence[Customer]) -> bool:
        """Put all nodes into one customer; returns whether that was possible without a decision."""
        known, nodes = self.known, self.nodes
        oldest = expiry(self.rules, self.as_of) if newcomers else {}
        if oldest and any(nodes[x].seen[1] < oldest.get(x[0], PAST) for x in newcomers):
            return False
        alone = [
            Customer(known[x].customer, (x,)) for x in self.update.read_nodes if x in known and known[x].lone
        ]
        old = [*alone, *customers]
        members = tuple(sorted([*newcomers, *chain.from_iterable(customer.members for customer in old)]))
        if len(old) == 1 and not newcomers and not self.aged:
            return True
        if not _fits(members, self.rules) or any(known[x].foes for each in alone for x in each.members):
            return False
        named = self._named(old, newcomers)
        if named is None:
            return False
        new = Customer(named.id, members, named.aliases)
        if old == [new]:
            # Some are older than was known, and none of them names it. That rests on who its members are.
            self.update.read_customers.append(members[0])
            return True
        self.update.before += old
        self.update.after.append(new)
        return self._placed(old, new)

    def _named(self, old: list[Customer], newcomers: list[Identifier]) -> Customer | None:
        """The customer whose id and aliases stay, or a new one; None where that is not plain."""
        known, nodes, update = self.known, self.nodes, self.update
        if len(old) == 1 and not self.aged:
            # Whoever anchors it is at least as old as these, and so older than the newcomers.
            oldest = min((known[x].seen[2], x) for x in update.read_nodes if x in known)
            if all(oldest < (nodes[x].seen[2], x) for x in newcomers):
                return old[0]
        before = [x for customer in old for x in customer.members]
        if any(x not in known or known[x].home is not None for x in before):
            return None
        if len(old) > 1 and any(known[x].foes for x in before):
            return None
        # It rests on each of them: on who is the oldest, and that nobody is kept apart from another.
        read = set(update.read_nodes)
        update.read_nodes += [x for x in before if x not in read]
        seen = {x: (nodes.get(x) or known[x]).seen for x in (*before, *newcomers)}
        anchor = anchor_of(seen, seen)
        if anchor in known and anchor not in self.aged:
            return Customer(known[anchor].customer, (anchor,))
        first_ingested = seen[anchor].first_ingested
        customer_id = self.minter.mint(anchor, first_ingested)
        update.minted[customer_id] = Minted(0, first_ingested, anchor, 0)
        return Customer(customer_id, (anchor,))

    def _placed(self, old: list[Customer], customer: Customer) -> bool:
        """Tell everybody where they belong now."""
        known, nodes, update = self.known, self.nodes, self.update
        first = customer.members[0]
        for each in old:
            update.read_customers.append(each.members[0])
            update.customers[each.members[0]] = None
        if first not in update.customers:
            update.read_customers.append(first)
        update.customers[first] = customer
        place = (customer.id, first, customer.lone)
        read = set(update.read_nodes)
        for x in customer.members:
            node = nodes.get(x) or known.get(x)
            if node is None:
                # One customer that stays where it is: who belongs there already need not hear of it.
                if x not in read and len(old) == 1 and old[0].members[0] == first:
                    continue
                return False
            if (node.customer, node.first, node.lone) != place:
                draft = self._draft(x)
                draft.customer, draft.first, draft.lone = place
                if x not in read:
                    update.read_nodes.append(x)
        return True


def _fits(members: tuple[Identifier, ...], rules: Rules) -> bool:
    counts: dict[str, int] = {}
    for member in members:
        counts[member.type] = counts.get(member.type, 0) + 1
    return all(count <= rules.types[type_].max for type_, count in counts.items())
