"""All that answers know of one customer, together: for a person who asks what is known of them."""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from identity import Customer, Identifier, pair
from identity.graph import Node
from schemas import Unavailable
from serving_layer.answers import change_json, freshness_json, link_json, profile_json, stated_json, time_json
from serving_layer.campaigns import campaigns_json
from serving_layer.history import History
from serving_layer.questions import Moved, nodes_of
from serving_layer.reading import TRIES, Freshness, KeptMoving, Look, Reading
from serving_layer.statements import history as stated
from serving_layer.view import ServingView

Nodes = Mapping[Identifier, Node]


def person_json(view: ServingView, tenant: str, customer: Customer, history: History) -> dict[str, Any]:
    """The customer, its links, profile, permissions, outcomes of e-mails and history; times in RFC 3339.

    Links are those between its own identifiers: any other leads to somebody else. Raises Unavailable.
    """
    known = view.known(customer)
    said = view.ask(stated(known.standing, tenant, customer.id, most=sys.maxsize))
    nodes, freshness = view.ask(_nodes(tenant, customer.members))
    whole(said.freshness)
    whole(freshness)
    return {
        "customer": {"customer_id": customer.id, "aliases": list(customer.aliases)},
        "identifiers": [_identifier_json(node) for node in nodes.values()],
        "links": links_json(nodes),
        "profile": profile_json(known),
        "segments": known.segments,
        "permissions": [stated_json(x, *word) for x, word in said.said],
        "outcomes": campaigns_json(known.standing.generation, tenant, (customer.id, *customer.aliases)),
        "history": [change_json(change) for change in history.of(tenant, customer.id)],
        **freshness_json(freshness),
    }


def whole(freshness: Freshness) -> None:
    """Raise Unavailable where the stream cannot be asked: somebody who was just erased would be told."""
    if freshness.stale:
        raise Unavailable(
            "the stream's view cannot be asked, and only it knows who was just erased: try again"
        )


def links_json(nodes: Nodes) -> list[dict[str, Any]]:
    """The links between these, each once: when they were seen, and whether they live."""
    found = {pair(x, z): (node, z) for x, node in nodes.items() for z in node.edges if z in nodes}
    return [
        {
            "a": a._asdict(),
            "b": b._asdict(),
            "lives": node.is_live(z),
            **link_json(node.edges[z].link),
        }
        for (a, b), (node, z) in sorted(found.items(), key=lambda item: item[0])
    ]


def _nodes(tenant: str, members: Sequence[Identifier]) -> Generator[Look, Any, tuple[Nodes, Freshness]]:
    """The node of each, all of one generation."""
    for _ in range(TRIES):
        reading: Reading = yield Look([])
        with suppress(Moved):
            return (yield from nodes_of(tenant, members, reading.standing.number))
    raise KeptMoving


def _identifier_json(node: Node) -> dict[str, Any]:
    seen = node.seen
    return {
        "identifier": node.identifier._asdict(),
        "first_seen": time_json(seen.first_seen),
        "last_seen": time_json(seen.last_seen),
        "first_ingested": time_json(seen.first_ingested),
    }
