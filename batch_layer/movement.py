"""From one assignment of identifiers to customers to another: who was made, merged, split, renamed.

An assignment is a frame `tenant, type, value, customer_id`. What overlaps is counted once, pair by pair of a
former customer and a new one; everything else follows from these counts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

IDENTIFIER = ("tenant", "type", "value")

# How many identifiers of one customer an example shows.
SHOWN = 12


class Movement(msgspec.Struct, frozen=True):
    """What became of the customers, in numbers.

    Of former ids `kept` are still their customer's, `aliases` lead to the customer that theirs was merged
    with, and `lost` mean nobody. `moved` counts identifiers whose customer has another id now, `appeared` and
    `vanished` those that only one side has.
    """

    before: int = 0
    after: int = 0
    made: int = 0
    gone: int = 0
    merged: int = 0
    split: int = 0
    kept: int = 0
    aliases: int = 0
    lost: int = 0
    moved: int = 0
    appeared: int = 0
    vanished: int = 0

    def among(self, before: int) -> "Movement":
        """The movement among so many former customers, of whom the others stayed as they were."""
        others = before - self.before
        return msgspec.structs.replace(
            self, before=before, after=self.after + others, kept=self.kept + others
        )


class Part(msgspec.Struct, frozen=True):
    """A customer in an example: its id, how many of its identifiers are concerned, and some of them."""

    customer_id: str
    count: int
    identifiers: list[str]  # TYPE=VALUE: personal data


class Example(msgspec.Struct, frozen=True):
    """A large change: what was, and what that is now. Personal data, for the caller's eyes."""

    kind: Literal["merged", "split"]
    tenant: str
    one: str  # the customer that was split, or that others were merged to
    identifiers: int
    parts: list[Part]


class Change:
    """Two assignments compared; `aliases` are `tenant, alias, customer_id` of the later one."""

    def __init__(self, before: DataFrame, after: DataFrame, aliases: DataFrame) -> None:
        old = before.select(*IDENTIFIER, f.col("customer_id").alias("old"))
        new = after.select(*IDENTIFIER, f.col("customer_id").alias("new"))
        self._both = old.join(new, list(IDENTIFIER), "full")
        self._pairs = self._both.groupBy("tenant", "old", "new").agg(f.count("*").alias("n")).persist()
        self._aliases = aliases
        self._after = after

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pairs.unpersist()

    def counted(self) -> Movement:
        """The movement in numbers."""
        olds = self._parts("old", "new").select(
            "tenant",
            f.col("one").alias("id"),
            f.lit(1).alias("before"),
            f.lit(0).alias("after"),
            (f.col("others") > 1).cast("int").alias("split"),
            (f.col("others") == 0).cast("int").alias("gone"),
            f.lit(0).alias("merged"),
            f.lit(0).alias("made"),
        )
        news = self._parts("new", "old").select(
            "tenant",
            f.col("one").alias("id"),
            f.lit(0).alias("before"),
            f.lit(1).alias("after"),
            f.lit(0).alias("split"),
            f.lit(0).alias("gone"),
            (f.col("others") > 1).cast("int").alias("merged"),
            (f.col("others") == 0).cast("int").alias("made"),
        )
        names = ("before", "after", "split", "gone", "merged", "made")
        sides = olds.union(news).groupBy("tenant", "id").agg(*[f.max(name).alias(name) for name in names])
        known = self._aliases.select("tenant", f.col("alias").alias("id"), f.lit(1).alias("alias"))
        ids = sides.join(known, ["tenant", "id"], "left").agg(
            *[f.coalesce(f.sum(name), f.lit(0)).alias(name) for name in names],
            f.count_if(f.expr("before = 1 AND after = 1")).alias("kept"),
            f.count_if(f.expr("before = 1 AND after = 0 AND alias = 1")).alias("aliases"),
            f.count_if(f.expr("before = 1 AND after = 0 AND alias IS NULL")).alias("lost"),
        )
        identifiers = self._pairs.agg(
            *[
                f.coalesce(f.sum(f.when(f.expr(condition), f.col("n"))), f.lit(0)).alias(name)
                for name, condition in (
                    ("moved", "old <> new"),
                    ("appeared", "old IS NULL"),
                    ("vanished", "new IS NULL"),
                )
            ]
        )
        (counts,) = ids.crossJoin(identifiers).collect()
        return Movement(**counts.asDict())

    def examples(self, most: int) -> list[Example]:
        """The largest merges and splits, at most so many of each; identifiers are in them."""
        return [*self._examples("merged", "new", "old", most), *self._examples("split", "old", "new", most)]

    def _parts(self, one: str, other: str) -> DataFrame:
        """`tenant, one, others, n`: into how many customers of the other side each falls."""
        return (
            self._pairs.where(f.col(one).isNotNull())
            .groupBy("tenant", f.col(one).alias("one"))
            .agg(f.count(other).alias("others"), f.sum("n").alias("n"))
        )

    def _examples(
        self, kind: Literal["merged", "split"], one: str, other: str, most: int
    ) -> Iterable[Example]:
        # Large is what is left when the largest part is taken away: so many identifiers changed company.
        weight = self._pairs.where(f.col(one).isNotNull() & f.col(other).isNotNull())
        largest = (
            weight.groupBy("tenant", f.col(one).alias("one"))
            .agg(f.count("*").alias("others"), (f.sum("n") - f.max("n")).alias("weight"))
            .where("others > 1")
            .orderBy(f.desc("weight"), "one")
            .limit(most)
        )
        named = f.concat("type", f.lit("="), "value")
        rows = (
            self._both.withColumnRenamed(one, "one")
            .join(f.broadcast(largest), ["tenant", "one"])
            .groupBy("tenant", "one", "weight", f.col(other).alias("other"))
            .agg(f.count("*").alias("n"), f.array_sort(f.collect_list(named)).alias("named"))
            # Bounded on the executors: the driver sees no more than it shows.
            .select("tenant", "one", "weight", "other", "n", f.slice("named", 1, SHOWN).alias("named"))
            .orderBy(f.desc("weight"), "one", f.desc("n"), "other")
            .limit(most * SHOWN)
            .collect()
        )
        return _gathered(kind, rows)


def _gathered(kind: Literal["merged", "split"], rows: Sequence[Any]) -> list[Example]:
    parts: dict[tuple[str, str], list[Part]] = {}
    for row in rows:
        tenant, one, _, other, count, named = row
        parts.setdefault((tenant, one), []).append(Part(other or "", count, list(named)))
    return [
        Example(kind, tenant, one, sum(part.count for part in found), found)
        for (tenant, one), found in parts.items()
    ]
