"""A customer as a graph: its identifiers, the links between them, and the links that were refused."""

from collections.abc import Generator
from itertools import chain
from typing import Any, Final, NamedTuple

from identity import Identifier, Link, pair
from identity.graph import Node
from identity.identifier import Pair
from schemas import records
from serving_layer.outcome import Outcome
from serving_layer.questions import Wanted, customer
from serving_layer.reading import TRIES, Freshness, KeptMoving, Look, Reading
from serving_layer.refusals import crossing, dropped, members_of, refused

# Identifiers that are drawn, the strongest first: with more, nobody sees anything.
MOST_NODES: Final = 300

# Links that are drawn, those that hold before refused ones; and of these, those that leave the customer.
MOST_LINKS: Final = 1_000
MOST_CROSSING: Final = 100


class Line(NamedTuple):
    """A link; `refused` is the rule that refused it, None where it holds."""

    a: Identifier
    b: Identifier
    link: Link
    refused: str | None


class Picture(NamedTuple):
    """What to draw of a customer.

    `members` are its own, `others` the ends of refused links outside it; `left_out` members and
    `lines_left_out` links are there besides.
    """

    outcome: Outcome
    members: list[Identifier]
    others: list[Identifier]
    left_out: int
    lines: list[Line]
    lines_left_out: int


def picture(tenant: str, customer_id: str) -> Generator[Wanted, Any, tuple[Picture | None, Freshness]]:
    """The graph of whom an id means now; None where it means nobody.

    Raises BrokenGeneration where there is nothing to answer from.
    """
    for _ in range(TRIES):
        outcome, freshness = yield from customer(tenant, customer_id)
        if outcome is None:
            return None, freshness
        members = list(outcome.members)
        reading: Reading = yield Look([])
        ranks = reading.standing.ranks
        shown = sorted(members, key=lambda x: ranks[x.type])[:MOST_NODES]
        reading = yield Look([(tenant, records.node_key(tenant, x)) for x in shown])
        standing = reading.standing
        if standing.number != freshness.generation:
            continue
        nodes = {x: records.decode_node(node) for x, node in zip(shown, reading.nodes, strict=True) if node}
        ours = dict.fromkeys(members, tuple(members))
        links = crossing(nodes, ours)
        outer = list(dict.fromkeys(z for _, z in links[:MOST_CROSSING]))
        reading = yield Look([(tenant, records.node_key(tenant, z)) for z in outer])
        if reading.standing.number != standing.number:
            continue
        told = refused(links[:MOST_CROSSING], nodes, {**members_of(outer, reading), **ours}, standing)
        why = {pair(link.a, link.b): link.reason for link in chain(told, dropped(nodes, standing))}
        lines = _lines(nodes, why, set(members) - set(shown))
        more = max(0, len(lines) - MOST_LINKS) + max(0, len(links) - MOST_CROSSING)
        lines = lines[:MOST_LINKS]
        ends = {x for line in lines for x in (line.a, line.b)}
        others = sorted(ends - set(shown))
        return Picture(outcome, shown, others, len(members) - len(shown), lines, more), reading.freshness
    raise KeptMoving


def _lines(nodes: dict[Identifier, Node], why: dict[Pair, str], absent: set[Identifier]) -> list[Line]:
    """Links that hold, then those that were refused; none to a member that is not drawn."""
    found: dict[Pair, Line] = {}
    for x, node in nodes.items():
        for z, edge in node.edges.items():
            ends = pair(x, z)
            reason = why.get(ends)
            holds = node.is_live(z) and z in nodes
            if z not in absent and (holds or reason is not None):
                found[ends] = Line(*ends, edge.link, reason)
    return sorted(found.values(), key=lambda line: (line.refused is not None, line.a, line.b))
