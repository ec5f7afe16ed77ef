"""Entries, written as the shards of a generation."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from schemas.generation import Shard, write_shard

_WRITTEN = pa.schema(
    [("file", pa.string()), ("entries", pa.int64()), ("size", pa.int64()), ("blake2b", pa.string())]
)


def write(frame: DataFrame, directory: Path, count: int) -> list[Shard]:
    """Write entries `key, value` as `count` shards into a directory that all executors share."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for shard, group in groupby(rows, key=itemgetter(0)):
            written = write_shard(directory, shard, ((key, value) for _, key, value in group))
            yield (written.file, written.entries, written.size, written.blake2b)

    # As `schemas.generation.shard_of` has it.
    shard = f.pmod(f.crc32("key"), f.lit(count)).cast("int").alias("shard")
    addressed = frame.select(shard, "key", "value")
    arranged = addressed.repartition(count, "shard").sortWithinPartitions("shard", "key")
    found = {
        row.file: Shard(row.file, row.entries, row.size, row.blake2b)
        for row in map_rows(arranged, step, _WRITTEN).collect()
    }
    # A shard that got no record is a file all the same, so that a reader can count on each.
    empty = [i for i in range(count) if f"shard-{i:04d}.mdb" not in found]
    shards = [*found.values(), *(write_shard(directory, i, ()) for i in empty)]
    return sorted(shards, key=lambda shard: shard.file)
