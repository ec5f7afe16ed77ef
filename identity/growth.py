"""Growth: facts that leave nothing to decide, which is most of them.

Where those concerned keep all their links and the customer that these make of them fits, nothing can be
refused, displaced or torn apart: known links only widen, and newcomers join the one customer that their
links lead to, or found one. What this customer was refused before, it is refused all the more.
`upkeep` comes to the same records (a property test holds them together), but on the way it asks all the
questions whose answers are known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from identity import staleness
from identity.facts import PAST, Link, Seen, Signs
from identity.graph import Edge, Node
from identity.identifier import Identifier, Pair
from identity.name import Customer, Minted, Minter
from identity.rules import Rules
from identity.screen import identifier_fault, link_fault
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
    customer: Customer | None,
    rules: Rules,
    minter: Minter,
    as_of: int | None,
) -> Update | None:
    """The update for facts that hang together by their links, or None where `upkeep` has to decide.

    `known` has the nodes that there are, of `seen` and, if they are to hear of it, of the members of
    `customer`, which is the one of several identifiers that these facts touch; None if they touch none.
    """
    growth = _Growth(known, rules, minter, as_of, Update(read_nodes=list(seen)))
    if not growth.widen(seen) or not growth.show(signs):
        return None
    grown = growth.tie(links)
    if grown is None or not all(growth.is_within(x) for x in grown):
        return None
    newcomers = [x for x in growth.nodes if x not in known]
    if (grown or newcomers) and not growth.join(newcomers, customer):
        return None
    growth.update.nodes = {x: node for x, node in growth.nodes.items() if node != known.get(x)}
    return growth.update


@dataclass(slots=True)
class _Growth:
    """The nodes as they become, and the update that is made of them."""

    known: Mapping[Identifier, Node]
    rules: Rules
    minter: Minter
    as_of: int | None
    update: Update
    nodes: dict[Identifier, Node] = field(default_factory=dict)

    def widen(self, seen: Mapping[Identifier, Seen]) -> bool:
        """Add the identifiers; False where that is not plain."""
        for x, sighting in seen.items():
            node = self.known.get(x)
            if node is None:
                self.nodes[x] = Node(x, sighting)
                continue
            if sighting.first_ingested < node.seen.first_ingested or not is_settled(node):
                return False  # an older one may give another id
            self.nodes[x] = node = node.copy()
            node.seen = node.seen.merge(sighting)
        return True

    def show(self, signs: Mapping[Identifier, Signs]) -> bool:
        """Add the signs; False where one is stale by these, which would let go of links."""
        for x, told in signs.items():
            node = self.nodes[x]
            node.signs = node.signs.merge(told)
            if staleness.since(x, node.signs, self.rules) is not None:
                return False
        return True

    def tie(self, links: Mapping[Pair, Link]) -> set[Identifier] | None:
        """Add the links; returns whose number of links grew.

        None where a link does not count, or was refused and may be accepted when it comes earlier; and where
        only one of its ends knows of it, for these were read at two moments.
        """
        grown = set()
        known, nodes = self.known, self.nodes
        for (a, b), link in links.items():
            if link.decided_at != PAST or link_fault(link, self.rules.between(a.type, b.type), self.as_of):
                return None
            mine, theirs = nodes[a].edges, nodes[b].edges
            edge = mine.get(b)
            if edge is None:
                mine[b] = theirs[a] = Edge(link, mine=True, theirs=True)
                grown.add(a)
                grown.add(b)
            elif a not in known or b not in known or self._was_refused(a, b):
                return None
            else:
                mine[b] = theirs[a] = edge._replace(link=edge.link.merge(link))
        return grown

    def _was_refused(self, a: Identifier, b: Identifier) -> bool:
        """Whether a link of theirs lives, and they are two customers all the same."""
        return self.known[a].is_live(b) and self.known[a].customer != self.known[b].customer

    def is_within(self, x: Identifier) -> bool:
        """Whether it may keep all its links, and is not hot."""
        counts: dict[str, int] = {}
        for other in self.nodes[x].edges:
            counts[other.type] = counts.get(other.type, 0) + 1
        hot = self.rules.types[x.type].hot
        return all(
            count <= self.rules.between(x.type, type_).keep and (hot is None or count <= hot)
            for type_, count in counts.items()
        )

    def join(self, newcomers: list[Identifier], customer: Customer | None) -> bool:
        """Put all nodes into one customer; returns whether that was possible without a decision."""
        nodes, known = self.nodes, self.known
        if any(identifier_fault(x, nodes[x].seen, {}, self.rules, self.as_of) for x in newcomers):
            return False
        lone = [x for x in nodes if x in known and known[x].lone]
        old = [Customer(known[x].customer, (x,)) for x in lone]
        if customer is not None:
            old.append(customer)
        members = tuple(sorted({*newcomers, *(member for each in old for member in each.members)}))
        if len(old) == 1 and len(members) == len(old[0].members):
            return True
        if not _fits(members, self.rules) or any(known[x].foes for x in lone):
            return False
        named = self._named(old)
        if named is None:
            return False
        new = Customer(named.id, members, named.aliases)
        self.update.before += old
        self.update.after.append(new)
        return self._placed(old, new)

    def _named(self, old: list[Customer]) -> Customer | None:
        """The customer whose id and aliases stay, or a new one; None where that is not plain."""
        nodes, known = self.nodes, self.known
        first_ingested, anchor = min((node.seen.first_ingested, x) for x, node in nodes.items())
        if not old:
            customer_id = self.minter.mint(anchor, first_ingested)
            self.update.minted[customer_id] = Minted(0, first_ingested, anchor, 0)
            return Customer(customer_id, (anchor,))
        if anchor not in known:
            return None
        if len(old) == 1:
            # Whoever anchors it is at least as old as this member, and so older than the newcomers.
            return old[0]
        if any(not known[x].lone or known[x].home is not None for x in nodes if x in known):
            return None
        return Customer(known[anchor].customer, (anchor,))

    def _placed(self, old: list[Customer], customer: Customer) -> bool:
        """Tell everybody where they belong now."""
        nodes, known, update = self.nodes, self.known, self.update
        first = customer.members[0]
        for each in old:
            update.read_customers.append(each.members[0])
            update.customers[each.members[0]] = None
        if first not in update.customers:
            update.read_customers.append(first)
        update.customers[first] = customer
        place = (customer.id, first, customer.lone)
        # Who belongs there already need not hear of it.
        for x in nodes.keys() | {x for each in old if each.members[0] != first for x in each.members}:
            node = nodes.get(x)
            if node is None:
                if x not in known:
                    return False
                node = nodes[x] = known[x].copy()
                update.read_nodes.append(x)
            node.customer, node.first, node.lone = place
        return True


def _fits(members: tuple[Identifier, ...], rules: Rules) -> bool:
    counts: dict[str, int] = {}
    for member in members:
        counts[member.type] = counts.get(member.type, 0) + 1
    return all(count <= rules.types[type_].max for type_, count in counts.items())
