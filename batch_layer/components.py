"""Connected components: contract where the data lies, then join the remainders.

Identifiers are numbers (`batch_layer.numbers`). A task replaces the links it holds by a spanning forest of
them, a star for each piece: breadth-first search over compressed sparse rows, by SciPy. Then an eighth as
many tasks do the same with what is left, until there is one. As no round goes along the links, a path costs
no more than any other shape, and a hub no more than its links.

*The bound:* a task holds at most eight forests of two numbers for each identifier that has a live link; the
last one returns a number for each. At about 100 bytes an identifier while it works, that task needs 1.2 GB
for twelve million linked identifiers. The driver holds nothing.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_STARS = pa.schema([("xi", pa.int64()), ("root", pa.int64())])
_FAN_IN = 8
_ROWS = 1 << 18  # in one Arrow batch on the way back to Spark

Numbers = NDArray[np.int64]


def roots(links: DataFrame, tasks: int) -> DataFrame:
    """`xi, root`: every linked identifier with the smallest number in its component.

    `links` has two columns of linked numbers, in about `tasks` partitions.
    """
    while tasks > 1:
        tasks = -(-tasks // _FAN_IN)
        links = links.mapInArrow(_stars, from_arrow_schema(_STARS)).repartition(tasks)
    if links.columns != _STARS.names:
        links = links.repartition(1)
    return links.mapInArrow(_pieces, from_arrow_schema(_STARS))


def _stars(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    numbers, root, _ = contracted(*columns_of(batches, 2))
    spokes = numbers != root
    return batches_of(_STARS, numbers[spokes], root[spokes])


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    numbers, root, _ = contracted(*columns_of(batches, 2))
    return batches_of(_STARS, numbers, root)


def columns_of(batches: Iterable[pa.RecordBatch], count: int) -> list[Numbers]:
    """So many columns of numbers, each of all batches together."""
    held = [[column.to_numpy() for column in batch.columns] for batch in batches]
    if not held:
        return [np.empty(0, np.int64)] * count
    return [np.concatenate(column) for column in zip(*held, strict=True)]


def batches_of(schema: pa.Schema, *columns: Numbers) -> Iterator[pa.RecordBatch]:
    """Columns of numbers, on the way back to Spark."""
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=schema)
    yield from table.to_batches(max_chunksize=_ROWS)


def contracted(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The components of links; a[i] and b[i] are linked.

    Returns each number that occurs, the smallest of its component, and of every end (all of `a`, then all of
    `b`) its number's index among these.
    """
    # In the order of their occurrence, which is also cheaper than sorting: the ends of a link lie close
    # together in memory, and the search goes from one to the other.
    encoded = pa.array(np.concatenate([a, b])).dictionary_encode()
    numbers, places = encoded.dictionary.to_numpy(), encoded.indices.to_numpy()
    count = len(numbers)
    ones = np.ones(len(a), dtype=np.int8)
    graph = coo_array((ones, (places[: len(a)], places[len(a) :])), shape=(count, count))
    pieces, piece = connected_components(graph, directed=False)
    least = np.full(pieces, np.iinfo(np.int64).max)
    np.minimum.at(least, piece, numbers)
    return numbers, least[piece], places
