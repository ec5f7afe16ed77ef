"""Entries, written as the shards of a generation: all of them, or what differs from a former generation."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from schemas.generation import Shard, write_shard
from schemas.revision import Change, revise_shard

_WRITTEN = pa.schema(
    [("file", pa.string()), ("entries", pa.int64()), ("size", pa.int64()), ("blake2b", pa.string())]
)


def write(frame: DataFrame, directory: Path, count: int) -> list[Shard]:
    """Write entries `key, value` as `count` shards into a directory that all executors share."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for shard, group in groupby(rows, key=itemgetter(0)):
            written = write_shard(directory, shard, ((key, value) for _, key, value in group))
            yield (written.file, written.entries, written.size, written.blake2b)

    found = {shard.file: shard for shard in _collected(_addressed(frame, count), count, step)}
    # A shard that got no record is a file all the same, so that a reader can count on each.
    empty = [i for i in range(count) if f"shard-{i:04d}.mdb" not in found]
    shards = [*found.values(), *(write_shard(directory, i, ()) for i in empty)]
    return sorted(shards, key=lambda shard: shard.file)


def revise(frame: DataFrame, former: Sequence[Path], directory: Path) -> list[Shard]:
    """Write the shards `former` once more, with changes `key, value`.

    A null takes an entry away, unless the key has a value, too.
    """
    count = len(former)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for shard, group in groupby(rows, key=itemgetter(0)):
            written = revise_shard(former[shard], directory, shard, _changes(group))
            yield (written.file, written.entries, written.size, written.blake2b)

    # Nothing goes from each shard, so that one of which nothing changed is written as well.
    nothing = frame.sparkSession.range(count).select(
        f.col("id").cast("int").alias("shard"),
        f.lit(b"").alias("key"),
        f.lit(None).cast("binary").alias("value"),
    )
    found = _collected(_addressed(frame, count).union(nothing), count, step)
    return sorted(found, key=lambda shard: shard.file)


def _changes(rows: Iterator[Row]) -> Iterator[Change]:
    """One change a key."""
    for key, group in groupby(rows, key=itemgetter(1)):
        values = [value for _, _, value in group if value is not None]
        yield key, values[0] if values else None


def _addressed(frame: DataFrame, count: int) -> DataFrame:
    # As `schemas.generation.shard_of` has it.
    shard = f.pmod(f.crc32("key"), f.lit(count)).cast("int").alias("shard")
    return frame.select(shard, "key", "value")


def _collected(
    addressed: DataFrame, count: int, step: Callable[[Iterator[Row]], Iterator[Row]]
) -> list[Shard]:
    arranged = addressed.repartition(count, "shard").sortWithinPartitions("shard", "key")
    rows = map_rows(arranged, step, _WRITTEN).collect()
    return [Shard(row.file, row.entries, row.size, row.blake2b) for row in rows]
