"""A published generation as a graph: one tenant's nodes, each with all of its links near."""

from collections import defaultdict
from collections.abc import Iterable

from identity import Customer, Identifier
from identity.graph import Edge, IdRecord, Node
from identity.identifier import Pair
from schemas import records
from schemas.generation import Generation


class Stored:
    """The graph of a tenant; implements `identity.graph.View`, where nothing is far."""

    def __init__(self, generation: Generation, tenant: str) -> None:
        self._generation = generation
        self.tenant = tenant
        self._far: defaultdict[Identifier, list[bytes]] = defaultdict(list)

    def nodes(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Node]:
        """Load nodes."""
        keys = [records.node_key(self.tenant, x) for x in identifiers]
        nodes = map(records.decode_node, self._generation.get(keys).values())
        return {node.identifier: self._gathered(node) for node in nodes}

    def far(self, pairs: Iterable[Pair]) -> dict[Pair, Edge]:  # noqa: ARG002 - as the protocol has it
        """Nothing is far."""
        return {}

    def all_far(self, identifier: Identifier) -> dict[Pair, Edge]:  # noqa: ARG002 - likewise
        """Nothing is far."""
        return {}

    def customers(self, firsts: Iterable[Identifier]) -> dict[Identifier, Customer]:
        """Load customers of more than one identifier or id, by their first members."""
        keys = {records.customer_key(self.tenant, first): first for first in firsts}
        found = self._generation.get(keys)
        return {keys[key]: records.decode_customer(data) for key, data in found.items()}

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load published ids."""
        keys = {records.id_key(self.tenant, customer_id): customer_id for customer_id in customer_ids}
        return {keys[key]: records.decode_id(data) for key, data in self._generation.get(keys).items()}

    def keys_of(self, node: Node) -> list[bytes]:
        """The keys of what is stored of a node that was loaded, and of its customer."""
        keys = [records.node_key(self.tenant, node.identifier), *self._far.get(node.identifier, ())]
        if node.first is not None and not node.lone:
            keys.append(records.customer_key(self.tenant, node.first))
        return keys

    def _gathered(self, node: Node) -> Node:
        if node.far:
            for key, data in self._generation.scan(records.far_prefix(self.tenant, node.identifier)):
                other, edge = records.decode_far(data)
                node.edges[other] = edge
                self._far[node.identifier].append(key)
            node.far = {}
        return node
