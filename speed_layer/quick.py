"""The quick way for a batch: what needs no decision is settled from what three reads bring.

1. The nodes that the batch names, in one read, not decoded.
2. An identifier that was only seen, alone, is written back with a wider header, or is a new customer where
   nobody knows it. The rest falls into groups that hang together by the batch's links and by the
   components that they touch.
3. The components that groups join, in one read; and where a newcomer gives a component another label, its
   other members, in one more.
4. Each group grows (`identity.growth`), or is left to `upkeep`, together with its facts.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from identity import Facts, Identifier, Minter, Rules, Seen
from identity.facts import Link
from identity.graph import Component, Node
from identity.growth import grow
from identity.identifier import Pair
from identity.screen import identifier_fault
from identity.together import Together
from identity.upkeep import Update
from schemas import records
from speed_layer.view import SpeedView


class SeenAgain(NamedTuple):
    """A node that was only seen again: as it is encoded, and when it was seen by now."""

    identifier: Identifier
    record: bytes
    seen: Seen


class Founded(NamedTuple):
    """An identifier that nobody knew, and the customer that it is by itself."""

    identifier: Identifier
    seen: Seen
    customer_id: str


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
    """What a batch comes to: what is written at once, and the facts that must be decided upon."""

    again: list[SeenAgain] = field(default_factory=list)
    founded: list[Founded] = field(default_factory=list)
    grown: list[tuple[Group, Update]] = field(default_factory=list)
    rest: Facts = field(default_factory=Facts)


def quick(view: SpeedView, facts: Facts, rules: Rules, minter: Minter, as_of: int | None) -> Quick:
    """Settle what can be settled without a decision."""
    result = Quick()
    encoded = view.encoded(facts.seen)
    tied = {end for ends in facts.links for end in ends}
    for x, seen in facts.seen.items():
        if x in tied:
            continue
        record = encoded.get(x)
        if record is not None:
            _again(result, x, record, seen)
        elif identifier_fault(x, seen, {}, rules, as_of) is None:
            result.founded.append(Founded(x, seen, minter.mint(x, seen.first_ingested)))
        else:
            result.rest.seen[x] = seen
    nodes = {x: view.decoded(encoded[x]) for x in tied if x in encoded}
    groups = _groups(facts, tied, nodes)
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


def _again(result: Quick, x: Identifier, record: bytes, seen: Seen) -> None:
    """A known identifier that was met without another."""
    (first_seen, last_seen, first_ingested), expired = records.sighting_of(record)
    if expired or seen[2] < first_ingested:
        result.rest.seen[x] = seen  # it may come back to life, or give its customer another id
    elif seen[1] > last_seen or seen[0] < first_seen:
        wider = Seen(min(first_seen, seen[0]), max(last_seen, seen[1]), first_ingested)
        result.again.append(SeenAgain(x, record, wider))


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
