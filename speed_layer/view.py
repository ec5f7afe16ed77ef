"""The speed view: the overlay in Redis on top of a generation, as `identity` wants to read it.

Redis holds only records that differ from the generation. A record is copied on its first write, and
carries a version from then on; one that was never written has none. Whatever was read is compared
again, inside Redis, at the moment of writing.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any, TypeVar, cast

from redis import Redis

from identity import Identifier
from identity.graph import Component, IdRecord, Node
from identity.upkeep import Update
from schemas import overlay, records
from schemas.generation import Generation
from speed_layer.errors import LostView

Result = TypeVar("Result")


def script(redis: Redis, name: str) -> Any:  # noqa: ANN401 - redis types no scripts
    """A Lua script of this layer, registered."""
    return redis.register_script(files("speed_layer").joinpath(name).read_text())


class SpeedView:
    """The graph of one tenant as the stream sees it; implements `identity.graph.View`.

    Made anew for each batch: it remembers the versions of what it read, for `commit`.
    """

    def __init__(self, redis: Redis, generation: Generation, tenant: str) -> None:
        self._redis = redis
        self._generation = generation
        self._tenant = tenant
        self._prefix = overlay.view_prefix(generation.number)
        self._versions: dict[bytes, bytes] = {}

    def nodes(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Node]:
        """Load nodes."""
        return self._load(identifiers, records.node_key, records.decode_node)

    def components(self, labels: Iterable[Identifier]) -> dict[Identifier, Component]:
        """Load components by label."""
        return self._load(labels, records.component_key, records.decode_component)

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published; the stream never changes these."""
        keys = {records.id_key(self._tenant, customer_id): customer_id for customer_id in customer_ids}
        return {keys[key]: records.decode_id(data) for key, data in self._generation.get(keys).items()}

    def _load(
        self,
        names: Iterable[Identifier],
        key_of: Callable[[str, Identifier], bytes],
        decode: Callable[[bytes], Result],
    ) -> dict[Identifier, Result]:
        keys = {key_of(self._tenant, name): name for name in names}
        if not keys:
            return {}
        values = cast("list[bytes | None]", self._redis.mget([self._prefix + key for key in keys]))
        result: dict[Identifier, Result] = {}
        below = []
        for key, value in zip(keys, values, strict=True):
            self._versions[key] = overlay.version_of(value)
            if value is None:
                below.append(key)
            elif record := overlay.record_of(value):
                result[keys[key]] = decode(record)
        for key, record in self._generation.get(below).items():
            result[keys[key]] = decode(record)
        return result

    def version(self, update: Update) -> int:
        """The version of the components that an update writes: above all that it read.

        So a customer's version only grows, also where it merges or splits. Versions count from the
        generation on.
        """
        read = (self._versions.get(self._component_key(label), b"") for label in update.read_components)
        return overlay.next_version(*read)

    def changeset(self, update: Update, changes: Sequence[bytes]) -> list[Any]:
        """One update as commit.lua takes it."""
        version = self.version(update)
        values: dict[bytes, bytes] = {}
        for x, node in update.nodes.items():
            key = self._node_key(x)
            values[key] = overlay.value(
                overlay.next_version(self._versions.get(key, b"")), records.encode_node(node)
            )
        for label, component in update.components.items():
            data = records.encode_component(component) if component is not None else b""
            values[self._component_key(label)] = overlay.value(version, data)
        checked = dict.fromkeys(values)
        checked.update(dict.fromkeys(map(self._node_key, update.read_nodes)))
        checked.update(dict.fromkeys(map(self._component_key, update.read_components)))
        # An id's record says what it was minted from: whoever writes it writes the same.
        loose = []
        for customer_id, minted in update.minted.items():
            record = records.encode_id(IdRecord(minted, (minted.anchor,)))
            loose += [records.id_key(self._tenant, customer_id), overlay.value(1, record)]
        versions = [self._versions.get(key, overlay.ABSENT) for key in checked]
        counts = (len(checked), len(values), len(loose), len(changes))
        return [*counts, *checked, *versions, *values.values(), *loose, *changes]

    def _node_key(self, x: Identifier) -> bytes:
        return records.node_key(self._tenant, x)

    def _component_key(self, label: Identifier) -> bytes:
        return records.component_key(self._tenant, label)


class ViewState:
    """Where a view stands: its epoch, its offsets; the same for all tenants and workers."""

    def __init__(self, redis: Redis, generation: Generation) -> None:
        self._redis = redis
        self._number = generation.number
        self._advance = script(redis, "advance.lua")
        self._keys = [
            overlay.epoch_key(self._number),
            overlay.offsets_key(self._number),
            overlay.through_key(self._number),
        ]
        start = {
            overlay.partition_field(topic, partition): offset
            for topic, partitions in generation.manifest.offsets.items()
            for partition, offset in partitions.items()
        }
        self.epoch = self._begin(start)

    def _begin(self, start: dict[bytes, int]) -> bytes:
        """Find the view, or begin it at the generation's cut-off."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.set(self._keys[0], uuid.uuid4().hex, nx=True)
        for field, offset in start.items():
            pipeline.hsetnx(self._keys[1], cast("str", field), cast("str", offset))
        pipeline.get(self._keys[0])
        return cast("bytes", pipeline.execute()[-1])

    def offsets(self) -> dict[bytes, int]:
        """The next offset of each partition, by `overlay.partition_field`."""
        return read_offsets(self._redis, self._number)

    def advance(self, offsets: dict[bytes, int], through: int) -> None:
        """Note that everything below these offsets is applied. Raises LostView."""
        arguments: list[Any] = [self.epoch, through]
        for field, offset in offsets.items():
            arguments += [field, offset]
        if self._advance(keys=self._keys, args=arguments) == b"epoch":
            raise LostView(f"the view on generation {self._number} is gone from Redis")


def read_offsets(redis: Redis, generation: int) -> dict[bytes, int]:
    """The next offset of each partition, of the view on a generation; empty where there is none."""
    found = cast("dict[bytes, bytes]", redis.hgetall(cast("str", overlay.offsets_key(generation))))
    return {field: int(offset) for field, offset in found.items()}
