"""Groups of facts that grow, each by itself, and what has to be read for that."""

from collections.abc import Iterator, Mapping, Sequence

from identity import Customer, Facts, Identifier, Minter, Rules
from identity.graph import Node
from identity.growth import grow
from identity.upkeep import Update
from schemas import records
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
    found = view.customers_at({place for group in groups for place in group.places})
    joining = [
        [found[place] for place in group.places] if found.keys() >= group.places else None for group in groups
    ]
    members = _members(view, groups, joining, known)
    for group, customers in zip(groups, joining, strict=True):
        update = None
        if customers is not None:  # else another worker moved one meanwhile
            nodes = {x: view.decoded(known[x]) for x in group.seen if x in known}
            for customer in customers:
                nodes |= {x: members[x] for x in customer.members if x in members}
            update = grow(group.seen, group.links, group.signs, nodes, customers, rules, minter, as_of)
        if update is None:
            group.add_to(rest)
        elif update.nodes:
            yield group, update


def _members(
    view: SpeedView,
    groups: Sequence[Group],
    joining: Sequence[Sequence[Customer] | None],
    known: Mapping[Identifier, bytes],
) -> dict[Identifier, Node]:
    """The other members of those customers that become one, or whose record may get another name or id."""
    wanted: set[Identifier] = set()
    for group, customers in zip(groups, joining, strict=True):
        if customers and (
            len(customers) > 1
            or min(group.seen) < customers[0].members[0]
            or any(x in known and records.is_lone(known[x]) for x in group.seen)
            or _may_be_older(group, known)
        ):
            wanted.update(x for customer in customers for x in customer.members if x not in group.seen)
    return view.nodes(wanted)


def _may_be_older(group: Group, known: Mapping[Identifier, bytes]) -> bool:
    """Whether some of a group may have been taken in earlier than those of its customer who are known."""
    taken = [records.first_ingested(known[x]) for x in group.seen if x in known]
    return bool(taken) and min(seen[2] for seen in group.seen.values()) <= max(taken)
