"""The quick way for a batch: what needs no decision is settled from what three reads bring.

1. The nodes that the batch names, in one read, not decoded.
2. An identifier that was only seen, alone, is written back with a wider header, or is a new customer where
   nobody knows it; likewise one that showed life (`identity.staleness`), if it was not stale. The rest falls
   into groups that hang together by the batch's links and by the customers that they touch.
3. The customers that groups join, in one read; and where a newcomer comes to stand first in one, so that its
   record gets another name, its other members, in one more.
4. Each group grows (`identity.growth`), or is left to `upkeep`, together with its facts.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from identity import Customer, Facts, Identifier, Minter, Rules, Seen, staleness
from identity.facts import PAST, Link, Signs
from identity.graph import Node
from identity.growth import grow
from identity.identifier import Pair
from identity.screen import expiry
from identity.together import Together
from identity.upkeep import Update
from schemas import overlay, records
from speed_layer.view import Loaded, SpeedView

_FIRST = overlay.value(overlay.next_version(), b"")


class SeenAgain(NamedTuple):
    """A node that was only seen again: key, version as read, and new value, as again.lua takes them."""

    identifier: Identifier
    write: tuple[bytes, bytes, bytes]


class Founded(NamedTuple):
    """An identifier that nobody knew, and the customer that it is by itself.

    `write` is what found.lua takes but for the change: key and value of the node, key and field of the id.
    """

    identifier: Identifier
    customer_id: str
    write: tuple[bytes, bytes, bytes, bytes]


@dataclass(slots=True)
class Group:
    """Facts that hang together."""

    seen: dict[Identifier, Seen] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    signs: dict[Identifier, Signs] = field(default_factory=dict)
    first: Identifier | None = None  # names the customer of several identifiers that they touch
    plain: bool = True  # whether there is no other

    def add_to(self, facts: Facts) -> None:
        """Say all this."""
        facts.seen.update(self.seen)
        facts.links.update(self.links)
        facts.signs.update(self.signs)


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
    tied = {end for ends in facts.links for end in ends}
    oldest = expiry(rules, as_of)
    nodes = {}
    for (x, seen), loaded in zip(facts.seen.items(), view.read(facts.seen), strict=True):
        if x not in tied:
            signs = facts.signs.get(x)
            if signs is None:
                _alone(result, x, seen, loaded, minter, oldest)
            elif not _lived(result, x, seen, signs, view, loaded, rules, minter, oldest):
                result.rest.seen[x] = seen
                result.rest.signs[x] = signs
        elif loaded.record:
            nodes[x] = view.decoded(loaded.record)
    shut = _shut(result.rest, facts, nodes)
    groups = _groups(facts, nodes, shut)
    customers = _customers(view, nodes, groups)
    for group in groups:
        customer = customers.get(group.first) if group.first is not None else None
        update = None
        if group.plain:
            update = grow(group.seen, group.links, group.signs, nodes, customer, rules, minter, as_of)
        if update is None:
            group.add_to(result.rest)
        elif update.nodes:
            result.grown.append((group, update))
    return result


def _alone(
    result: Quick, x: Identifier, seen: Seen, loaded: Loaded, minter: Minter, oldest: dict[str, int]
) -> None:
    """An identifier that was met without another."""
    key, version, record = loaded
    if record:
        wider = _wider(record, seen)
        if wider is None:
            result.rest.seen[x] = seen
        elif wider:
            value = overlay.value(overlay.next_version(version), wider)
            result.again.append(SeenAgain(x, (key, version, value)))
    elif seen[1] < oldest.get(x[0], PAST):
        result.rest.seen[x] = seen
    else:
        customer_id = minter.mint(x, seen[2])
        value = _FIRST + records.encode_lone(x, seen, customer_id)
        bucket = overlay.id_field(minter.tenant, customer_id)
        result.founded.append(Founded(x, customer_id, (key, value, *bucket)))


def _lived(
    result: Quick,
    x: Identifier,
    seen: Seen,
    signs: Signs,
    view: SpeedView,
    loaded: Loaded,
    rules: Rules,
    minter: Minter,
    oldest: dict[str, int],
) -> bool:
    """An identifier that was met alone, with signs; False where these are to be decided upon."""
    key, version, record = loaded
    if not record:
        if seen[1] < oldest.get(x[0], PAST) or staleness.since(x, signs, rules) is not None:
            return False
        customer_id = minter.mint(x, seen[2])
        node = Node(x, seen, customer=customer_id, first=x, lone=True, signs=signs)
        bucket = overlay.id_field(minter.tenant, customer_id)
        result.founded.append(Founded(x, customer_id, (key, _FIRST + records.encode_node(node), *bucket)))
        return True
    node = view.decoded(record)
    merged = node.signs.merge(signs)
    if node.fault is not None or node.stale is not None or staleness.since(x, merged, rules) is not None:
        return False
    if seen[2] < node.seen.first_ingested:
        return False  # it may give its customer another id
    wider = node.seen.merge(seen)
    if (wider, merged) != (node.seen, node.signs):
        node.seen, node.signs = wider, merged
        value = overlay.value(overlay.next_version(version), records.encode_node(node))
        result.again.append(SeenAgain(x, (key, version, value)))
    return True


def _wider(record: bytes, seen: Seen) -> bytes | None:
    """A known node that was met alone, as it is now; empty if nothing is new, None if there is to decide."""
    first_seen, last_seen, first_ingested, expired = records.sighting_of(record)
    if expired or seen[2] < first_ingested:
        return None  # it may come back to life, or give its customer another id
    if seen[1] <= last_seen and seen[0] >= first_seen:
        return b""
    return records.seen_again(record, min(first_seen, seen[0]), max(last_seen, seen[1]))


def _shut(rest: Facts, facts: Facts, nodes: dict[Identifier, Node]) -> set[Pair]:
    """The links to those that are shut, which hold nothing together; they, and their ends, join the rest."""
    out = {x for x, node in nodes.items() if node.shut}
    shut = {ends for ends in facts.links if not out.isdisjoint(ends)} if out else set()
    for ends in shut:
        rest.links[ends] = facts.links[ends]
        rest.seen.update((x, facts.seen[x]) for x in ends)
        rest.signs.update((x, facts.signs[x]) for x in ends if x in facts.signs)
    return shut


def _groups(facts: Facts, nodes: dict[Identifier, Node], shut: Collection[Pair] = ()) -> list[Group]:
    """Facts that hang together by links, but for the `shut` ones, or by a customer."""
    links = {ends: link for ends, link in facts.links.items() if ends not in shut} if shut else facts.links
    together = Together()
    for a, b in links:
        together.add(a, b)
    firsts = {x: node.first for x, node in nodes.items() if node.first is not None and not node.lone}
    for x, first in firsts.items():
        together.add(x, first)
    groups: defaultdict[Identifier, Group] = defaultdict(Group)
    for x in {end for ends in links for end in ends}:
        group = groups[together.find(x)]
        group.seen[x] = facts.seen[x]
        if x in facts.signs:
            group.signs[x] = facts.signs[x]
        if x in firsts:
            group.plain = group.plain and group.first in {None, firsts[x]}
            group.first = firsts[x]
    for ends, link in links.items():
        groups[together.find(ends[0])].links[ends] = link
    return list(groups.values())


def _customers(
    view: SpeedView, nodes: dict[Identifier, Node], groups: list[Group]
) -> dict[Identifier, Customer]:
    """The customers that groups join, with all their members among `nodes` if another member comes first."""
    joining = {
        group.first: group
        for group in groups
        if group.plain and group.first is not None and _adds(group, nodes)
    }
    customers = view.customers(joining)
    for first in joining.keys() - customers.keys():
        joining[first].plain = False  # another worker changed it between our two reads
    wanted = [
        member
        for first, customer in customers.items()
        if min(joining[first].seen) < first
        for member in customer.members
        if member not in nodes
    ]
    nodes |= view.nodes(wanted)
    return customers


def _adds(group: Group, nodes: dict[Identifier, Node]) -> bool:
    return any(a not in nodes or b not in nodes[a].edges for a, b in group.links)
