"""Ours: from pairs of strings to `x, root`, without moving a string.

1. Numbers for strings where they lie, and the contraction of `batch_layer.components` on numbers. Along with
   each number goes a place where its string stands: the row of a link, and which end of it.
2. The driver takes the root of each place: 16 bytes an identifier, which is the bound.
3. The files are read again, and each string at such a place is written with its root.

A rebuild has no use for 2 and 3: it tells strings apart once, with all that it knows of them, and its tables
carry both from then on. Here nothing is known of them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.pandas.types import from_arrow_schema

from batch_layer.components import Numbers, batches_of, columns_of, contracted
from batch_layer.numbers import number

_PLACED = pa.schema([("xi", pa.int64()), ("root", pa.int64()), ("place", pa.int64())])
_ROOTS = pa.schema([("place", pa.int64()), ("root", pa.int64())])
_NAMED: Final = "a bigint, b bigint"

Roots = tuple[Numbers, Numbers]
"""Places, in order, and their roots."""


def assigned(spark: SparkSession, links: Path) -> DataFrame:
    """`x, root` of pairs `a, b`. The files must not change meanwhile: rows are known by their order."""
    of = number(0)
    rows = spark.read.parquet(str(links)).select(f.monotonically_increasing_id().alias("row"), "a", "b")
    placed = rows.select("row", of("a").alias("xi"), of("b").alias("zi"))
    placed = placed.mapInArrow(_stars, from_arrow_schema(_PLACED)).repartition(1)
    found = placed.mapInArrow(_pieces, from_arrow_schema(_ROOTS)).toArrow()
    roots = spark.sparkContext.broadcast((found["place"].to_numpy(), found["root"].to_numpy()))
    told = rows.select("a", "b", _told(roots).alias("root"))
    ends = [f.struct(f.col(end).alias("x"), f.col(f"root.{end}").alias("root")) for end in "ab"]
    return told.select(f.explode(f.array(*ends)).alias("end")).where("end.root IS NOT NULL").select("end.*")


def _stars(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A spanning forest of some links, with each number's first place."""
    rows, a, b = columns_of(batches, 3)
    places = np.concatenate([2 * rows, 2 * rows + 1])
    numbers, root, at = _first(a, b)
    return batches_of(_PLACED, numbers, root, places[at])


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The components of all of them: the root of each place, in the order of places."""
    xi, root, places = columns_of(batches, 3)
    _, root, at = _first(xi, root)
    order = np.argsort(places[at])
    return batches_of(_ROOTS, places[at][order], root[order])


def _first(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Each number, the root of its component, and where in both together it occurs first."""
    numbers, root, ends = contracted(a, b)
    first = np.empty(len(numbers), np.int64)
    first[ends[::-1]] = np.arange(len(ends) - 1, -1, -1)  # the last that is written is the first
    return numbers, root, first


def _told(roots: "Broadcast[Roots]") -> Column:
    """Of a row the roots of those of its ends that stand at a place; null of the others."""

    def told(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        places, root = roots.value
        for rows in batches:
            # Rows are numbered on end within a task, and a batch is of one.
            begin, count = 2 * int(rows.iloc[0]), 2 * len(rows)
            some = slice(*np.searchsorted(places, [begin, begin + count]))
            at = places[some] - begin
            values, none = np.zeros(count, np.int64), np.ones(count, bool)
            values[at], none[at] = root[some], False
            pairs = pd.arrays.IntegerArray(values, none)
            yield pd.DataFrame({"a": pairs[::2], "b": pairs[1::2]})

    column: Column = pandas_udf(told, _NAMED)("row")  # type: ignore[call-overload]
    return column
