"""Links that join nobody, and the rule that says so.

Of those that both ends keep, it is the rule that keeps their customers apart.
Stores do not keep why a link was refused: it was, if it lives and leads from one customer to another, and
which limit the two of them would break can be told from their members.
"""

from collections.abc import Iterator, Mapping, Sequence

from identity import Identifier, Refused, pair
from identity.graph import Node
from identity.identifier import Pair
from identity.join import refusal
from identity.own import not_kept
from identity.screen import link_fault
from schemas import records
from serving_layer.generations import Standing
from serving_layer.reading import Reading

Members = Mapping[Identifier, Sequence[Identifier]]
"""Of an identifier all of its customer, itself included."""


def crossing(nodes: Mapping[Identifier, Node], members: Members) -> list[Pair]:
    """The links that leave the customers of some nodes, each from the end that is a node's; sorted."""
    return sorted((x, z) for x, node in nodes.items() for z in node.live if z not in members[x])


def members_of(identifiers: Sequence[Identifier], reading: Reading) -> Members:
    """The customers of identifiers that were read."""
    found: dict[Identifier, Sequence[Identifier]] = {}
    for x, node, customer in zip(identifiers, reading.nodes, reading.customers, strict=True):
        if customer:
            found[x] = records.decode_customer(customer).members
        elif node and records.is_lone(node):
            found[x] = (x,)
    return found


def refused(
    links: Sequence[Pair], nodes: Mapping[Identifier, Node], members: Members, standing: Standing
) -> Iterator[Refused]:
    """These links with what refuses them; `members` has the customers at both ends."""
    for x, z in links:
        ours, theirs = members[x], members.get(z)
        if theirs is None:
            continue  # its other end has moved since its node was read
        apart = [(y, foe) for y in ours if y in nodes for foe in nodes[y].foes]
        reason = refusal(ours, theirs, apart, standing.rules)
        if reason is not None:
            yield Refused(*pair(x, z), reason)


def dropped(nodes: Mapping[Identifier, Node], standing: Standing) -> Iterator[Refused]:
    """Links that an end does not keep, or that do not count."""
    for x, node in nodes.items():
        for z in node.edges:
            if not node.is_live(z):
                yield Refused(*pair(x, z), _why(node, z, nodes.get(z), standing))


def _why(node: Node, z: Identifier, other: Node | None, standing: Standing) -> str:
    x, edge, rules = node.identifier, node.edges[z], standing.rules
    fault = link_fault(edge.link, rules.between(x.type, z.type), standing.generation.manifest.as_of)
    if fault is not None:
        return fault
    if node.fault is not None:
        return node.fault
    if edge.out:
        return f"the {z.type} at its other end dropped out"
    if not edge.mine:
        return not_kept(x, z, edge.link, node.stale, rules)
    if other is None and (rules.joining or z.type in rules.stale):
        return f"shared, stale or objected: the {z.type} at its other end does not keep it"
    return not_kept(z, x, edge.link, other.stale if other is not None else None, rules)
