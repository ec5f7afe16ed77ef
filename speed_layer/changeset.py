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
        self._tenant = view.tenant
        self._update = update
        nodes = [records.node_key(self._tenant, x) for x in update.read_nodes]
        far = [records.far_key(self._tenant, *ends) for ends in update.read_far]
        self._read = [*nodes, *far, *self._guards()]
        versions = view.versions
        self.version = overlay.next_version(
            *[versions.get(key, overlay.ABSENT) for key in (*self._read, *self._pieces())]
        )
        self._head = overlay.value(self.version, b"")

    def arguments(self, changes: Sequence[bytes]) -> list[Any]:
        """What commit.lua takes of it, and of the changes to tell."""
        update, head, tenant = self._update, self._head, self._tenant
        values = {
            records.node_key(tenant, x): head + records.encode_node(node) for x, node in update.nodes.items()
        }
        for ends, edge in update.far.items():
            record = records.encode_far(ends[1], edge) if edge is not None else b""
            values[records.far_key(tenant, *ends)] = head + record
        if update.components:
            values |= self._components()
        versions = self._view.versions
        checked = dict.fromkeys(values)
        # A component that has no record is guarded by the node of its label, which is among the nodes read.
        checked.update((key, None) for key in self._read if key in versions)
        ids: list[bytes] = []
        for customer_id, minted in update.minted.items():
            ids += overlay.id_entry(tenant, customer_id, minted.anchor)
        counts = (len(checked), len(values), len(ids), len(changes))
        return [
            *counts,
            *checked,
            *[versions.get(key, overlay.ABSENT) for key in checked],
            *values.values(),
            *ids,
            *changes,
        ]

    def _guards(self) -> list[bytes]:
        """The keys of the component records that the update rests on."""
        large = self._view.large
        return [
            records.large_key(self._tenant, x) if x in large else records.component_key(self._tenant, x)
            for x in self._update.read_components
        ]

    def _pieces(self) -> list[bytes]:
        """The keys under which the update writes what is or was large, all of them asked for by now."""
        tenant, components = self._tenant, self._update.components
        keys = [records.component_key(tenant, label) for label in components.keys() & self._view.large]
        for component in components.values():
            if component is not None and component.large:
                keys.append(records.large_key(tenant, component.label))
                keys += [records.part_key(tenant, first) for first in records.parts(component)]
        if keys:
            self._view.ask(keys)
        return keys

    def _components(self) -> dict[bytes, bytes]:
        """The values to write for components."""
        tenant, head, view = self._tenant, self._head, self._view
        gone: dict[bytes, bytes] = {}
        values: dict[bytes, bytes] = {}
        for label, component in self._update.components.items():
            before = view.parts.get(label, {})
            after = records.parts(component) if component is not None and component.large else {}
            for first in before.keys() | after.keys():
                part = after.get(first)
                if part is None:
                    gone[records.part_key(tenant, first)] = head
                elif part != before.get(first):
                    values[records.part_key(tenant, first)] = head + records.encode_component(part)
            if component is not None and after:
                values[records.large_key(tenant, label)] = head + records.encode_large(component)
            elif label in view.large:
                gone[records.large_key(tenant, label)] = head
            key = records.component_key(tenant, label)
            if component is not None and not component.lone and not after:
                values[key] = head + records.encode_component(component)
            elif view.stands(key):
                gone[key] = head
        # What goes may come back in the same breath, as a part of another component.
        return gone | values
