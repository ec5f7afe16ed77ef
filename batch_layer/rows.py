"""Rows through Arrow: how a Python generator becomes a step of a Spark plan.

Spark hands a task its partition as Arrow batches; `identity` wants the rows of one identifier or of one
component at a time. A plan that is partitioned and sorted by a key has these side by side, so a single
pass with bounded memory does, without the cost of one call per group.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

Row = tuple[Any, ...]

# Rows in one Arrow batch on the way back to Spark.
_BATCH = 10_000


def map_rows(
    frame: DataFrame, step: Callable[[Iterator[Row]], Iterable[Row]], schema: pa.Schema
) -> DataFrame:
    """Run `step` over the rows of each partition; it yields rows of `schema`."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = chain.from_iterable(_rows(batch) for batch in batches)
        return _batches(step(rows), schema)

    return frame.mapInArrow(run, from_arrow_schema(schema))


def map_groups(
    frame: DataFrame,
    key: Sequence[str],
    step: Callable[[list[Row]], Iterable[Row]],
    schema: pa.Schema,
) -> DataFrame:
    """Run `step` over the rows of each group; the key columns must come first in `frame`."""
    return map_arranged(frame.repartition(*key), key, step, schema)


def map_arranged(
    frame: DataFrame,
    key: Sequence[str],
    step: Callable[[list[Row]], Iterable[Row]],
    schema: pa.Schema,
) -> DataFrame:
    """The same where all rows of a group are in one partition already, as after a join by the key."""
    width = len(key)
    assert frame.columns[:width] == list(key), "the key columns come first"

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for _, group in groupby(rows, key=itemgetter(*range(width))):
            yield from step(list(group))

    return map_rows(frame.sortWithinPartitions(*key), run, schema)


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _batches(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    pending = iter(rows)
    while some := list(islice(pending, _BATCH)):
        columns = zip(*some, strict=True)
        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
