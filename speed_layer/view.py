"""The speed view: the overlay in Redis on top of a generation, as `identity` wants to read it.

Redis holds only records that differ from the generation. A record is copied on its first write, and
carries a version from then on; one that was never written has none. Whatever was read is compared
again, inside Redis, at the moment of writing.
"""

import uuid
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import chain, groupby, islice
from typing import Any, NamedTuple, cast

from redis import Redis

from identity import Customer, Identifier
from identity.graph import Edge, IdRecord, Node
from identity.identifier import Pair
from schemas import ERASURES, overlay, records
from schemas.generation import Generation
from speed_layer.connection import replies
from speed_layer.errors import LostView

# Keys in one command, between two of which lookups have their turn.
READ_TOGETHER = 500


# What hangs together with a few shared devices is looked at in every batch. A node that was loaded is not
# changed.
_recent = lru_cache(maxsize=1 << 12)(records.decode_node)


def script(redis: Redis, name: str) -> Any:  # noqa: ANN401 - redis types no scripts
    """A Lua script of this layer, registered."""
    return redis.register_script(files("speed_layer").joinpath(name).read_text())


class Loaded(NamedTuple):
    """A record as it was read: key, version (empty if only the generation has it), bytes (empty for none)."""

    key: bytes
    version: bytes
    record: bytes


class SpeedView:
    """The graph of one tenant as the stream sees it; implements `identity.graph.View`.

    Made anew for each batch: it remembers what it read. `versions` are those of all records asked for.
    """

    def __init__(self, redis: Redis, generation: Generation, tenant: str) -> None:
        self._redis = redis
        self._generation = generation
        self.tenant = tenant
        self._prefix = overlay.view_prefix(generation.number)
        self.versions: dict[bytes, bytes] = {}
        self._below: set[bytes] = set()  # what the generation alone has
        self._lone: dict[Identifier, Customer] = {}

    def nodes(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Node]:
        """Load nodes."""
        identifiers = list(identifiers)
        found = zip(identifiers, self.read(identifiers), strict=True)
        return {x: self._own(_recent(record)) for x, (_, _, record) in found if record}

    def read(self, identifiers: Iterable[Identifier]) -> Iterator[Loaded]:
        """Load nodes, not decoded yet, as `load` does."""
        tenant = self.tenant
        return self.load([records.node_key(tenant, x) for x in identifiers])

    def decoded(self, record: bytes) -> Node:
        """A node that was loaded."""
        return self._own(records.decode_node(record))

    def _own(self, node: Node) -> Node:
        if node.lone:
            x = node.identifier
            self._lone[x] = Customer(node.customer, (x,))
        return node

    def far(self, pairs: Iterable[Pair]) -> dict[Pair, Edge]:
        """Load far links."""
        pairs = list(pairs)
        loaded = self.load([records.far_key(self.tenant, x, z) for x, z in pairs])
        return {
            pair: records.decode_far(record)[1]
            for pair, (_, _, record) in zip(pairs, loaded, strict=True)
            if record
        }

    def all_far(self, identifier: Identifier) -> dict[Pair, Edge]:
        """Load all far links of an identifier: those of the generation, and the overlay's."""
        prefix = records.far_prefix(self.tenant, identifier)
        found = dict(self._generation.scan(prefix))
        key, _ = overlay.far_field(self._prefix, prefix + bytes(records.DIGEST))
        for field, value in self._redis.hscan_iter(cast("str", key), count=READ_TOGETHER):
            self.versions.setdefault(prefix + field, overlay.version_of(value))
            found[prefix + field] = overlay.record_of(value)
        for key in found:
            self.versions.setdefault(key, overlay.ABSENT)
        decoded = map(records.decode_far, filter(None, found.values()))
        return {(identifier, z): edge for z, edge in decoded}

    def customers(self, firsts: Iterable[Identifier]) -> dict[Identifier, Customer]:
        """Load customers by their first members, the lone included."""
        firsts = list(firsts)
        # Who is lone has no record, but may have had one: who writes it must know that version.
        loaded = self.load([records.customer_key(self.tenant, first) for first in firsts])
        return {first: self._lone[first] for first in firsts if first in self._lone} | {
            first: records.decode_customer(record)
            for first, (_, _, record) in zip(firsts, loaded, strict=True)
            if record
        }

    def customers_at(self, places: Iterable[bytes]) -> dict[bytes, Customer]:
        """Load customers by what `records.customer_digest` says of their members."""
        places = list(places)
        loaded = self.load([records.customer_key_of(self.tenant, place) for place in places])
        return {
            place: records.decode_customer(record)
            for place, (_, _, record) in zip(places, loaded, strict=True)
            if record
        }

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published; the stream never changes these."""
        keys = {records.id_key(self.tenant, customer_id): customer_id for customer_id in customer_ids}
        return {keys[key]: records.decode_id(data) for key, data in self._generation.get(keys).items()}

    def load(self, keys: list[bytes]) -> Iterator[Loaded]:
        """Load records of one kind: the view's own, else the generation's.

        Redis is asked at once; those that have come are handed out while it looks for the next.
        """
        values = self._values(keys)
        chunks = (keys[start : start + READ_TOGETHER] for start in range(0, len(keys), READ_TOGETHER))
        return chain.from_iterable(self.found(some, islice(values, len(some))) for some in chunks)

    def found(self, keys: Iterable[bytes], values: Iterable[bytes | None]) -> list[Loaded]:
        """Records of one kind, of which Redis has these values; where it has none, the generation's."""
        own = [*zip(keys, values, strict=True)]
        below = self._generation.get([key for key, value in own if value is None])
        self._below.update(below)
        loaded = [
            Loaded(key, overlay.ABSENT, below.get(key, b""))
            if value is None
            else Loaded(key, value[: overlay.VERSION_BYTES], value[overlay.VERSION_BYTES :])
            for key, value in own
        ]
        for key, version, _ in loaded:
            # What is read twice may be another by now, and something may rest on what it was.
            self.versions.setdefault(key, version)
        return loaded

    def _values(self, keys: list[bytes]) -> Iterator[bytes | None]:
        """What Redis holds of these records; far links are asked for by themselves."""
        if keys and keys[0][:1] == records.FAR:
            return iter(self._far_values(keys))
        keys = [self._prefix + key for key in keys]
        starts = range(0, len(keys), READ_TOGETHER)
        commands = [("MGET", *keys[start : start + READ_TOGETHER]) for start in starts]
        return chain.from_iterable(replies(self._redis, lambda: commands)) if keys else iter(())

    def _far_values(self, keys: list[bytes]) -> list[bytes | None]:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hget(*cast("tuple[str, str]", overlay.far_field(self._prefix, key)))
        return cast("list[bytes | None]", pipeline.execute())

    def has_moved(self) -> bool:
        """Whether any record that was read is another by now: then what was read may not fit together."""
        keys = list(self.versions)
        kinds = groupby(sorted(keys), key=lambda key: key[:1])
        return any(
            self.versions[key] != overlay.version_of(value)
            for of_kind in (list(keys) for _, keys in kinds)
            for key, value in zip(of_kind, self._values(of_kind), strict=True)
        )

    def stands(self, key: bytes) -> bool:
        """Whether there is a record under a key that was read: the view's own, or the generation's."""
        return bool(self.versions.get(key)) or key in self._below


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
        self._erasures = overlay.erasures_key(self._number)
        start = {
            overlay.partition_field(topic, partition): offset
            for topic, partitions in generation.manifest.offsets.items()
            for partition, offset in partitions.items()
        }
        self.epoch, self._run = self._begin(start)

    def _begin(self, start: dict[bytes, int]) -> tuple[bytes, str]:
        """Find the view, or begin it at the generation's cut-off; returns its epoch and the run of Redis."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.info("server")
        pipeline.set(self._keys[0], uuid.uuid4().hex, nx=True)
        for field, offset in start.items():
            pipeline.hsetnx(self._keys[1], cast("str", field), cast("str", offset))
        pipeline.get(self._keys[0])
        server, *_, epoch = pipeline.execute()
        return epoch, server["run_id"]

    def offsets(self) -> dict[bytes, int]:
        """The next offset of each partition, by `overlay.partition_field`."""
        return read_offsets(self._redis, self._number)

    def advance(self, offsets: dict[bytes, int], through: int) -> None:
        """Note that everything below these offsets is applied. Raises LostView."""
        self._note(self._keys, offsets, through)

    def note_erasures(self, offset: int) -> None:
        """Note that the erasures below this offset are applied. Raises LostView."""
        epoch, _, through = self._keys
        self._note([epoch, self._erasures, through], {overlay.partition_field(ERASURES, 0): offset}, -1)

    def _note(self, keys: list[bytes], offsets: dict[bytes, int], through: int) -> None:
        arguments: list[Any] = [self.epoch, self._run, through]
        for field, offset in offsets.items():
            arguments += [field, offset]
        if self._advance(keys=keys, args=arguments) == b"epoch":
            raise LostView(f"the view on generation {self._number} is gone from Redis")


def read_offsets(redis: Redis, generation: int) -> dict[bytes, int]:
    """The next offset of each partition, of the view on a generation; empty where there is none."""
    found = cast("dict[bytes, bytes]", redis.hgetall(cast("str", overlay.offsets_key(generation))))
    return {field: int(offset) for field, offset in found.items()}
