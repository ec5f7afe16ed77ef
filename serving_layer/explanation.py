"""Why are these two the same, or why not? The path of links between them, and the links that were refused."""

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from identity import Identifier, Link, Refused
from identity.graph import Node
from schemas import records
from serving_layer.certainty import along, surest_path
from serving_layer.errors import Refused as RefusedRequest
from serving_layer.generations import Standing
from serving_layer.outcome import Outcome, plain
from serving_layer.questions import Moved, nodes_of
from serving_layer.reading import TRIES, Freshness, KeptMoving, Look, Reading
from serving_layer.refusals import crossing, dropped, members_of, refused

# Identifiers of the two customers together, at most: the records of all of them are read.
MOST_MEMBERS: Final = 5_000

# Refused links that are told, the first of them in the order of their ends.
MOST_REFUSED: Final = 100


class Step(NamedTuple):
    """A link of the path."""

    a: Identifier
    b: Identifier
    link: Link


class Explanation(NamedTuple):
    """Two identifiers, what each belongs to, and why.

    `path` leads from one to the other where they are one customer, each step a link that lives; of several
    paths it is the surest, with that `certainty`. `refused` are links of either customer that do not count or
    that join nobody, each with the rule that says so; `left_out` is how many more there are.
    """

    a: Outcome
    b: Outcome
    path: list[Step]
    certainty: float | None
    refused: list[Refused]
    left_out: int
    freshness: Freshness

    @property
    def same(self) -> bool:
        """Whether they are one customer."""
        ours, theirs = self.a.customer, self.b.customer
        return ours is not None and theirs is not None and ours[0] == theirs[0]


def explain(tenant: str, a: tuple[str, str], b: tuple[str, str]) -> Generator[Look, Any, Explanation]:
    """Why two (type, raw value) pairs are one customer, or are not.

    Raises UnknownTypeError, Refused (422) where there is too much to read, and BrokenGeneration.
    """
    for _ in range(TRIES):
        reading: Reading = yield Look([])
        standing = reading.standing
        outcomes = [Outcome(*standing.observer.identify(*asked)) for asked in (a, b)]
        keys = [(tenant, records.node_key(tenant, outcome.identifier)) for outcome in outcomes]
        reading = yield Look(keys)
        if reading.standing.number != standing.number:
            continue
        looked_at = zip(outcomes, reading.nodes, reading.customers, reading.pending, strict=True)
        for outcome, node, customer, pending in looked_at:
            if outcome.reason is None:
                outcome.read(standing, node, plain(customer), pending)
        members = list(
            dict.fromkeys(x for outcome in outcomes for x in (*outcome.members, outcome.identifier))
        )
        if len(members) > MOST_MEMBERS:
            raise RefusedRequest(422, f"these customers have more than {MOST_MEMBERS} identifiers", "size")
        try:
            nodes, _ = yield from nodes_of(tenant, members, standing.number)
        except Moved:
            continue
        ours = {x: tuple(outcome.members) for outcome in outcomes for x in outcome.members}
        links = crossing({x: nodes[x] for x in ours if x in nodes}, ours)
        outer = list(dict.fromkeys(z for _, z in links[:MOST_REFUSED]))
        reading = yield Look([(tenant, records.node_key(tenant, z)) for z in outer])
        if reading.standing.number != standing.number:
            continue
        known = {**members_of(outer, reading), **ours}
        told = {*refused(links[:MOST_REFUSED], nodes, known, standing), *dropped(nodes, standing)}
        more = max(0, len(links) - MOST_REFUSED)
        return _explained(outcomes[0], outcomes[1], nodes, sorted(told), more, standing, reading.freshness)
    raise KeptMoving


def _explained(
    a: Outcome,
    b: Outcome,
    nodes: Mapping[Identifier, Node],
    refused: list[Refused],
    more: int,
    standing: Standing,
    freshness: Freshness,
) -> Explanation:
    steps: list[Identifier] = []
    if a.customer is not None and b.customer is not None and a.customer[0] == b.customer[0]:
        inside = set(a.members)
        links = {x: [z for z in node.live if z in inside] for x, node in nodes.items()}
        steps = surest_path(a.identifier, lambda x: x == b.identifier, links, standing)
    path = [Step(x, z, nodes[x].edges[z].link) for x, z in pairwise(steps)]
    return Explanation(
        a,
        b,
        path,
        along(steps, standing),
        refused[:MOST_REFUSED],
        more + max(0, len(refused) - MOST_REFUSED),
        freshness,
    )
