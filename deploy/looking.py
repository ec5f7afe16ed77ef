"""A look at what the stream says, for parity: the overlay as it is once it holds all below a cut-off."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Consumer, KafkaException
from pyspark.sql.pandas.types import to_arrow_schema
from redis import Redis
from redis.exceptions import RedisError

from batch_layer.parity import ANSWERS, Look
from batch_layer.said_parity import HEARD
from deploy.awaiting import is_applied, live_generation, log_end
from deploy.hearing import heard
from identity import Identifier
from schemas import overlay, records
from schemas.generation import BrokenGeneration, Offsets, open_generation

# Seconds that the stream has to come as far as the batch's cut-off, and between two questions whether it has.
PATIENCE_S = 120.0
_EVERY_S = 0.2

_TOGETHER = 1_000  # records read at a time
_ROWS = 50_000  # of one group of a Parquet file

# tenant, type, value, customer_id, part
_Row = tuple[str, str, str, str | None, int | None]


def looking(
    redis: Redis, consumer: Callable[[], Consumer], generations: Path
) -> Callable[[Offsets, Path, Event], Look]:
    """What looks at the view that readers stand on; see `batch_layer.parity.Looking`."""

    def look(offsets: Offsets, directory: Path, over: Event) -> Look:
        try:
            return _look(redis, consumer, generations, offsets, directory, over)
        except (RedisError, KafkaException, BrokenGeneration) as error:
            return Look(why=f"{type(error).__name__} while the stream was looked at")

    return look


def _look(
    redis: Redis,
    consumer: Callable[[], Consumer],
    generations: Path,
    offsets: Offsets,
    directory: Path,
    over: Event,
) -> Look:
    wanted = {
        overlay.partition_field(topic, partition): offset
        for topic, partitions in offsets.items()
        for partition, offset in partitions.items()
    }
    if live_generation(redis) is None:
        return Look(why="readers stand on no stream: no worker has begun, or Redis lost its data")
    waited = 0.0
    while not is_applied(redis, wanted):
        if waited >= PATIENCE_S or over.wait(_EVERY_S):
            return Look(why="the stream had not come as far as the batch, or waits for the side lane")
        waited += _EVERY_S
    number = live_generation(redis)
    if number is None:
        return Look(why="Redis lost its data while the stream was looked at")
    answers, words = directory / "answers.parquet", directory / "heard.parquet"
    _write(answers, to_arrow_schema(ANSWERS), _answers(redis, number))
    _write(words, to_arrow_schema(HEARD), heard(redis, open_generation(generations, number)))
    if live_generation(redis) != number:
        return Look(why="readers moved to another generation while the stream was looked at")
    reached = consumer()
    try:
        # Nothing that came later can be in what was read before.
        end = log_end(reached)
    finally:
        reached.close()
    return Look(number, _offsets(end, offsets), answers, words)


def _write(file: Path, schema: pa.Schema, rows: Iterator[tuple[Any, ...]]) -> None:
    with pq.ParquetWriter(file, schema) as writer:
        while some := list(islice(rows, _ROWS)):
            columns = [pa.array(column) for column in zip(*some, strict=True)]
            arrays = [c.cast(t.type) for c, t in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _offsets(end: dict[bytes, int], like: Offsets) -> Offsets:
    return {
        topic: {i: end[overlay.partition_field(topic, i)] for i in partitions}
        for topic, partitions in like.items()
    }


def _answers(redis: Redis, number: int) -> Iterator[_Row]:
    """Of each identifier that the overlay tells something new of: its customer, or none."""
    prefix = overlay.view_prefix(number)
    for kind in (b"n", b"c"):
        keys = redis.scan_iter(match=prefix + kind + b"*", count=_TOGETHER)
        while some := list(islice(keys, _TOGETHER)):
            for key, value in zip(some, cast("list[bytes | None]", redis.mget(some)), strict=True):
                if value is not None and (record := overlay.record_of(value)):
                    yield from _said(key[len(prefix) :], record)


def _said(key: bytes, record: bytes) -> Iterator[_Row]:
    tenant = key[1:].partition(b"\0")[0].decode()
    # A hash tells customers apart; eight of its bytes do.
    part = int.from_bytes(key[-8:], "big", signed=True)
    if key.startswith(b"c"):
        customer = records.decode_customer(record)
        for member in customer.members:
            yield (tenant, *_named(member), customer.id, part)
    elif records.is_lone(record):
        node = records.decode_node(record)
        yield (tenant, *_named(node.identifier), node.customer, part)
    elif not records.customer_digest(record):
        yield (tenant, *_named(records.decode_node(record).identifier), None, None)


def _named(identifier: Identifier) -> tuple[str, str]:
    return identifier.type, identifier.value
