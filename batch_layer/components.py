"""Connected components over strings: contract where the data lies, then join the remainders.

Each task replaces its links by a spanning forest of them (union-find; Tarjan, 1975): at most one row an
identifier, whatever the number of links. The forests meet in one task. Paths and hubs cost no more than
any other shape, as there are no rounds.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows

_PAIRS = pa.schema([("x", pa.string()), ("label", pa.string())])


def labels(members: DataFrame, links: DataFrame) -> DataFrame:
    """`x, label`: every member with the smallest member of its component.

    `members` has the column x, `links` two columns of linked members.
    """
    forest = map_rows(links, _forest, _PAIRS)
    linked = map_rows(forest.coalesce(1), _forest, _PAIRS)
    return members.join(linked, "x", "left").select("x", f.coalesce("label", "x").alias("label"))


def _forest(rows: Iterator[Row]) -> Iterator[Row]:
    """Each identifier met, with the smallest of its component as far as these rows show."""
    parent: dict[str, str] = {}

    def find(x: str) -> str:
        while (above := parent.setdefault(x, x)) != x:
            parent[x] = x = parent[above]
        return x

    for x, z in rows:
        one, other = find(x), find(z)
        if one != other:
            # The smaller stays the root: depth is kept low by path halving alone.
            parent[max(one, other)] = min(one, other)
    for x in parent:
        yield (x, find(x))
