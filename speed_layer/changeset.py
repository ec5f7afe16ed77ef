"""An update as a script in Redis takes it: what it rests on, what it writes, and its version."""

from collections.abc import Sequence
from typing import Any

from identity.upkeep import Update
from schemas import overlay, records
from speed_layer.view import SpeedView


class Changeset:
    """One update of a view, to be committed while all that it rests on is as the view has read it.

    `version` is that of all records that the update writes: above all that it read, so that a customer's
    version only grows, also where it merges or splits. Versions count from the generation on.
    """

    def __init__(self, view: SpeedView, update: Update) -> None:
        self._view = view
        self._tenant = tenant = view.tenant
        self._update = update
        self._read = [records.node_key(tenant, x) for x in update.read_nodes]
        if update.read_far:
            self._read += [records.far_key(tenant, *ends) for ends in update.read_far]
        self._read += [records.customer_key(tenant, x) for x in update.read_customers]
        versions = view.versions
        read = [versions[key] for key in self._read if key in versions]
        self.version = overlay.next_version(*read)
        self._head = overlay.value(self.version, b"")

    def arguments(self, changes: Sequence[bytes]) -> list[Any]:
        """What commit.lua takes of it, and of the changes to tell."""
        update, head, tenant = self._update, self._head, self._tenant
        values = {
            records.node_key(tenant, x): head + (records.encode_node(node) if node is not None else b"")
            for x, node in update.nodes.items()
        }
        for ends, edge in update.far.items():
            record = records.encode_far(ends[1], edge) if edge is not None else b""
            values[records.far_key(tenant, *ends)] = head + record
        if update.customers:
            values |= self._customers()
        versions = self._view.versions
        # Who is all of a customer has no other record; the node is among those read.
        keys = [*values, *{key: None for key in self._read if key in versions and key not in values}]
        ids: list[bytes] = []
        for customer_id, minted in update.minted.items():
            ids += overlay.id_entry(tenant, customer_id, minted.anchor)
        counts = (len(keys), len(values), len(ids), len(changes))
        known = [versions.get(key, overlay.ABSENT) for key in keys]
        return [*counts, *keys, *known, *values.values(), *ids, *changes]

    def _customers(self) -> dict[bytes, bytes]:
        """The values to write for customers."""
        values = {}
        for first, customer in self._update.customers.items():
            key = records.customer_key(self._tenant, first)
            if customer is not None and not customer.lone:
                values[key] = self._head + records.encode_customer(customer)
            elif self._view.stands(key):
                values[key] = self._head
        return values
