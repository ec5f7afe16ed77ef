"""The quick way for a batch: what needs no decision is settled from what three reads bring.

1. The nodes that the batch names, in one read, not decoded.
2. An identifier that was only seen, alone, is written back with a wider header. The rest falls into groups
   that hang together by the batch's links and by the components that they touch.
3. The components that groups join, in one read; and where a newcomer gives a component another label, its
   other members, in one more.
4. Each group grows (`identity.growth`), or is left to `upkeep`, together with its facts.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from identity import Facts, Identifier, Minter, Rules, Seen
from identity.facts import Link
from identity.graph import Component, Node
from identity.growth import grow
from identity.identifier import Pair
from identity.together import Together
from identity.upkeep import Update
from schemas import records
from speed_layer.view import Again, SpeedView


@dataclass(slots=True)
class Group:
    """Facts that hang together."""

    seen: dict[Identifier, Seen] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    label: Identifier | None = None  # the component of several identifiers that they touch
    plain: bool = True  # whether there is no other

    def add_to(self, facts: Facts) -> None:
        """Say all this."""
        facts.seen.update(self.seen)
        facts.links.update(self.links)


@dataclass(slots=True)
class Quick:
    """What a batch comes to: nodes seen again, groups that grow, and facts that must be decided upon."""

    again: list[tuple[Identifier, Again]] = field(default_factory=list)
    grown: list[tuple[Group, Update]] = field(default_factory=list)
    rest: Facts = field(default_factory=Facts)


def quick(view: SpeedView, facts: Facts, rules: Rules, minter: Minter, as_of: int | None) -> Quick:
    """Settle what can be settled without a decision."""
    result = Quick()
    encoded = view.encoded(facts.seen)
    tied = {end for ends in facts.links for end in ends}
    groups = []
    for x, seen in facts.seen.items():
        if x not in tied and not _seen_again(result, view, encoded.get(x), x, seen):
            groups.append(Group({x: seen}))
    nodes = {x: view.decoded(encoded[x]) for x in tied if x in encoded}
    groups += _groups(facts, tied, nodes)
    components = _components(view, nodes, groups)
    for group in groups:
        component = components.get(group.label) if group.label is not None else None
        update = None
        if group.plain:
            update = grow(group.seen, group.links, nodes, component, rules, minter, as_of)
        if update is None:
            group.add_to(result.rest)
        elif update.nodes:
            result.grown.append((group, update))
    return result


def _seen_again(result: Quick, view: SpeedView, record: bytes | None, x: Identifier, seen: Seen) -> bool:
    """An identifier that was met without another; False if nobody knew it."""
    if record is None:
        return False
    sighting = records.sighting_of(record)
    known = sighting.seen
    if sighting.expired or seen.first_ingested < known.first_ingested:
        result.rest.seen[x] = seen  # it may come back to life, or give its customer another id
    elif seen.last_seen > known.last_seen or seen.first_seen < known.first_seen:
        result.again.append((x, view.again(x, record, known.merge(seen))))
    return True


def _groups(facts: Facts, tied: Iterable[Identifier], nodes: dict[Identifier, Node]) -> list[Group]:
    together = Together()
    for a, b in facts.links:
        together.add(a, b)
    labels = {x: node.component for x, node in nodes.items() if node.component is not None and not node.lone}
    for x, label in labels.items():
        together.add(x, label)
    groups: defaultdict[Identifier, Group] = defaultdict(Group)
    for x in tied:
        group = groups[together.find(x)]
        group.seen[x] = facts.seen[x]
        if x in labels:
            group.plain = group.plain and group.label in {None, labels[x]}
            group.label = labels[x]
    for ends, link in facts.links.items():
        groups[together.find(ends[0])].links[ends] = link
    return list(groups.values())


def _components(
    view: SpeedView, nodes: dict[Identifier, Node], groups: list[Group]
) -> dict[Identifier, Component]:
    """The components that groups join, with all their members among `nodes` if they get another label."""
    joining = {
        group.label: group
        for group in groups
        if group.plain and group.label is not None and _adds(group, nodes)
    }
    components = view.components(joining)
    wanted = [
        member
        for label, component in components.items()
        if min(joining[label].seen) < label
        for member in component.members
        if member not in nodes
    ]
    nodes |= view.nodes(wanted)
    return components


def _adds(group: Group, nodes: dict[Identifier, Node]) -> bool:
    return any(a not in nodes or b not in nodes[a].edges for a, b in group.links)
