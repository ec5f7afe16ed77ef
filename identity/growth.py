"""Growth: facts that leave nothing to decide, which is most of them.

Where every link of those concerned lives and no limit is reached, nothing can be refused, displaced or
torn apart: known links only widen, and newcomers join the one customer that their links lead to, or found
one. `upkeep` comes to the same records (a property test holds them together), but on the way it asks all
the questions whose answers are known here.
"""

from collections.abc import Mapping

from identity.facts import PAST, Link, Seen
from identity.graph import Component, Edge, Node
from identity.identifier import Identifier, Pair
from identity.name import Customer, Minted, Minter
from identity.rules import Rules
from identity.screen import identifier_fault, link_fault
from identity.upkeep import Update


def is_settled(node: Node) -> bool:
    """Whether a node is of one customer with nothing refused, and keeps all its links.

    One that the other end does not keep, or whose other end dropped out, takes no part, whatever happens at
    this end; only an event that names it may change that, and names an end that is not settled.
    """
    if not node.whole or node.far or node.apart is not None:
        return False
    return all(edge.mine or edge.out for edge in node.edges.values())


def grow(
    seen: Mapping[Identifier, Seen],
    links: Mapping[Pair, Link],
    known: Mapping[Identifier, Node],
    component: Component | None,
    rules: Rules,
    minter: Minter,
    as_of: int | None,
) -> Update | None:
    """The update for facts that hang together by their links, or None where `upkeep` has to decide.

    `known` has the nodes that there are, of `seen` and of every member of `component`, which is the one
    component of several identifiers that these facts touch; None if they touch none.
    """
    nodes = _widened(seen, known)
    if nodes is None:
        return None
    grown = _tied(nodes, links, rules, as_of)
    if grown is None or not all(_within(nodes[x], rules) for x in grown):
        return None
    newcomers = [x for x in nodes if x not in known]
    update = Update(read_nodes=list(seen))
    if (grown or newcomers) and not _joined(update, nodes, newcomers, known, component, rules, minter, as_of):
        return None
    update.nodes = {x: node for x, node in nodes.items() if node != known.get(x)}
    return update


def _widened(
    seen: Mapping[Identifier, Seen], known: Mapping[Identifier, Node]
) -> dict[Identifier, Node] | None:
    nodes = {}
    for x, sighting in seen.items():
        node = known.get(x)
        if node is None:
            nodes[x] = Node(x, sighting)
            continue
        if sighting.first_ingested < node.seen.first_ingested or not is_settled(node):
            return None  # an older one may give another id
        nodes[x] = node = node.copy()
        node.seen = node.seen.merge(sighting)
    return nodes


def _tied(
    nodes: dict[Identifier, Node], links: Mapping[Pair, Link], rules: Rules, as_of: int | None
) -> set[Identifier] | None:
    """Adds the links; returns whose number of links grew, or None where a link does not count."""
    grown = set()
    for (a, b), link in links.items():
        if link.decided_at != PAST or link_fault(link, rules.between(a.type, b.type), as_of):
            return None
        mine, theirs = nodes[a].edges, nodes[b].edges
        edge = mine.get(b)
        if edge is None:
            mine[b] = theirs[a] = Edge(link, mine=True, theirs=True)
            grown.add(a)
            grown.add(b)
        else:
            mine[b] = theirs[a] = edge._replace(link=edge.link.merge(link))
    return grown


def _within(node: Node, rules: Rules) -> bool:
    """Whether a node may keep all its links, and is not hot."""
    counts: dict[str, int] = {}
    for other in node.edges:
        counts[other.type] = counts.get(other.type, 0) + 1
    mine = node.identifier.type
    hot = rules.types[mine].hot
    return all(
        count <= rules.between(mine, type_).keep and (hot is None or count <= hot)
        for type_, count in counts.items()
    )


def _joined(
    update: Update,
    nodes: dict[Identifier, Node],
    newcomers: list[Identifier],
    known: Mapping[Identifier, Node],
    component: Component | None,
    rules: Rules,
    minter: Minter,
    as_of: int | None,
) -> bool:
    """Puts all nodes into one customer; returns whether that was possible without a decision."""
    if any(identifier_fault(x, nodes[x].seen, {}, rules, as_of) for x in newcomers):
        return False
    old = _customers(nodes, known, component)
    members = tuple(sorted({*newcomers, *(member for customer in old for member in customer.members)}))
    if len(old) == 1 and len(members) == len(old[0].members):
        return True
    if not _fits(members, rules):
        return False
    named = _named(update, nodes, known, old, minter)
    if named is None:
        return False
    customer = Customer(named.id, members, named.aliases)
    update.before += old
    update.after.append(customer)
    return _placed(update, nodes, known, component, customer)


def _customers(
    nodes: dict[Identifier, Node], known: Mapping[Identifier, Node], component: Component | None
) -> list[Customer]:
    old = [Customer(known[x].customer, (x,)) for x in nodes if x in known and known[x].lone]
    return old if component is None else [*old, *component.customers]


def _fits(members: tuple[Identifier, ...], rules: Rules) -> bool:
    counts: dict[str, int] = {}
    for member in members:
        counts[member.type] = counts.get(member.type, 0) + 1
    return all(count <= rules.types[type_].max for type_, count in counts.items())


def _named(
    update: Update,
    nodes: dict[Identifier, Node],
    known: Mapping[Identifier, Node],
    old: list[Customer],
    minter: Minter,
) -> Customer | None:
    """The customer whose id and aliases stay, or a new one; None where that is not plain."""
    first_ingested, anchor = min((node.seen.first_ingested, x) for x, node in nodes.items())
    if not old:
        customer_id = minter.mint(anchor, first_ingested)
        update.minted[customer_id] = Minted(0, first_ingested, anchor, 0)
        return Customer(customer_id, (anchor,))
    if anchor not in known:
        return None
    if len(old) == 1:
        # Whoever anchors it is at least as old as this member, and so older than the newcomers.
        return old[0]
    if any(not known[x].lone or known[x].home is not None for x in nodes if x in known):
        return None
    return Customer(known[anchor].customer, (anchor,))


def _placed(
    update: Update,
    nodes: dict[Identifier, Node],
    known: Mapping[Identifier, Node],
    component: Component | None,
    customer: Customer,
) -> bool:
    """Tells everybody where they belong now."""
    whole = Component((customer,))
    if whole.large:
        return False
    label = customer.members[0]
    before = component.label if component is not None else None
    if before is not None:
        update.read_components.append(before)
        if before != label:
            update.components[before] = None
    update.components[label] = whole
    place = (customer.id, label, whole.lone, True)
    for x in customer.members if before != label else nodes:
        node = nodes.get(x)
        if node is None:
            if x not in known:
                return False
            node = nodes[x] = known[x].copy()
            update.read_nodes.append(x)
        node.customer, node.component, node.lone, node.whole = place
    return True
