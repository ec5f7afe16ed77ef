"""Groups of facts that grow, each by itself, and what has to be read for that."""

from collections.abc import Iterator, Mapping, Sequence

from identity import Customer, Facts, Identifier, Minter, Rules
from identity.graph import Node
from identity.growth import grow
from identity.upkeep import Update
from speed_layer.grouping import Group
from speed_layer.view import SpeedView


def growths(
    view: SpeedView,
    groups: Sequence[Group],
    known: Mapping[Identifier, bytes],
    rest: Facts,
    rules: Rules,
    minter: Minter,
    as_of: int | None,
) -> Iterator[tuple[Group, Update]]:
    """The groups that grow and how; `known` has their encoded nodes. What the others say joins the rest."""
    nodes = {x: view.decoded(known[x]) for group in groups for x in group.seen if x in known}
    for group, customers in zip(groups, _joined(view, nodes, groups), strict=True):
        update = None
        if customers is not None:
            update = grow(group.seen, group.links, group.signs, nodes, customers, rules, minter, as_of)
        if update is None:
            group.add_to(rest)
        elif update.nodes:
            yield group, update


def _joined(
    view: SpeedView, nodes: dict[Identifier, Node], groups: Sequence[Group]
) -> list[Sequence[Customer] | None]:
    """Of each group the customers of several that it joins; None where another worker moved one meanwhile.

    Their members, where they are to hear of it, are among `nodes` then.
    """
    firsts = [_firsts(group, nodes) if _adds(group, nodes) else set() for group in groups]
    found = view.customers({first for some in firsts for first in some})
    joining = [[found[first] for first in some] if found.keys() >= some else None for some in firsts]
    wanted = {
        member
        for group, customers in zip(groups, joining, strict=True)
        for customer in customers or ()
        if len(customers or ()) > 1 or min(group.seen) < customer.members[0] or _has_lone(group, nodes)
        for member in customer.members
        if member not in nodes
    }
    nodes |= view.nodes(wanted)
    return [*joining]


def _firsts(group: Group, nodes: Mapping[Identifier, Node]) -> set[Identifier]:
    known = (nodes[x] for x in group.seen if x in nodes)
    return {node.first for node in known if node.first is not None and not node.lone}


def _has_lone(group: Group, nodes: Mapping[Identifier, Node]) -> bool:
    return any(x in nodes and nodes[x].lone for x in group.seen)


def _adds(group: Group, nodes: Mapping[Identifier, Node]) -> bool:
    return any(a not in nodes or b not in nodes[a].edges for a, b in group.links)
