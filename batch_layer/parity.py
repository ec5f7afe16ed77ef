"""Parity: what readers were told by the stream, against what the batch makes of the same messages.

Both answer for the same cut-off, so every difference has a cause that can be named, or is a fault:

    newer     events after the cut-off were in the stream's answer already
    records   a slow source's record came, changed or ended; the stream has no records
    expiry    a link or identifier grew older than its max_age as `as_of` moved on (docs/decisions/0001)
    rules     the new generation goes by other rules

A cause holds for all of a component that it touches on the batch's side, and of a customer on the stream's:
what links tie together there and not here was tied by a link that has the same cause, and ends here, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from threading import Event

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import LongType, StringType, StructField, StructType

from batch_layer import silver
from batch_layer.movement import IDENTIFIER
from identity import Rules
from schemas.generation import Manifest, Offsets

NEWER, RECORDS, EXPIRY, RULES, UNEXPLAINED = "newer", "records", "expiry", "rules", "unexplained"

# The columns of what a look writes, as Parquet.
ANSWERS = StructType(
    [StructField(name, StringType()) for name in (*IDENTIFIER, "customer_id")]
    + [StructField("part", LongType())]
)


@dataclass(frozen=True, slots=True)
class Look:
    """What readers' view said.

    `answers` are Parquet files of ANSWERS, a row for each identifier of which the stream says something else
    than its generation, customer_id null where it has none. `generation` is what readers stood on, `end` the
    cut-off below which lies all that may be in the answers. `heard` are Parquet files of `said_parity.HEARD`.
    `why` says why there are none.
    """

    generation: int | None = None
    end: Offsets | None = None
    answers: Path | None = None
    heard: Path | None = None
    why: str | None = None


# Looks at the view once it holds all below a cut-off, writing into a directory; gives up when told.
Looking = Callable[[Offsets, Path, Event], Look]


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison. Without one, `why` says why; `causes` counts differing identifiers by cause.

    `said` is how many registers and statements were compared, of which profiles, segments and consents are
    made; `said_causes` counts those that differ.
    """

    why: str | None = None
    generation: int | None = None
    compared: int = 0
    differing: int = 0
    causes: dict[str, int] = {}
    said: int = 0
    said_causes: dict[str, int] = {}

    @property
    def holds(self) -> bool:
        """Whether every difference has a cause."""
        return not (self.causes.get(UNEXPLAINED) or self.said_causes.get(UNEXPLAINED))

    def lines(self) -> list[str]:
        """The comparison as a person reads it."""
        if self.why is not None:
            return [f"parity: not compared: {self.why}"]
        lines = [f"parity: {self.compared} answers compared, {self.differing} differ"]
        lines += [f"  {count} {SAID[cause]}" for cause, count in self.causes.items() if count]
        if self.said:
            differ = sum(self.said_causes.values())
            lines.append(f"parity of profiles, segments and consents: {self.said} compared, {differ} differ")
        lines += [f"  {count} {SAID[cause]}" for cause, count in self.said_causes.items() if count]
        return lines


SAID = {
    NEWER: "for events newer than the cut-off",
    RECORDS: "for records of slow sources, which the stream does not have",
    EXPIRY: "for links and identifiers that have expired since",
    RULES: "for other rules",
    UNEXPLAINED: "UNEXPLAINED: this is a fault; please report it",
}


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: the manifest that readers stood on and the new one, and their tables by name."""

    old: Manifest
    new: Manifest
    before: Mapping[str, DataFrame]
    after: Mapping[str, DataFrame]


def assigned(side: Mapping[str, DataFrame]) -> DataFrame:
    """`tenant, type, value, customer_id, component` of a generation."""
    customers = side["gold/customers"].select("tenant", "customer_id", "component")
    return side["gold/identifiers"].join(customers, ["tenant", "customer_id"])


def compare(
    spark: SparkSession, look: Look, sides: Sides, causes: Mapping[str, DataFrame]
) -> tuple[Parity, DataFrame]:
    """The comparison, and the differing rows: identifier, `stream`, `batch` and `cause`.

    `causes` maps a cause to the identifiers (`x`, keys of `silver.key_of`) that it touches.
    """
    rows = _side_by_side(spark, look, sides).persist()
    differing = rows.where(~f.col("stream").eqNullSafe(f.col("batch")))
    cause = f.lit(RULES if sides.old.fingerprint != sides.new.fingerprint else UNEXPLAINED)
    for name in (EXPIRY, RECORDS, NEWER):
        if name not in causes:
            continue
        touched = rows.join(causes[name].select("x").distinct(), "x").select("stream_part", "batch_part")
        for part in ("stream_part", "batch_part"):
            marked = touched.select(part).where(f.col(part).isNotNull()).distinct()
            differing = differing.join(marked.withColumn(f"{name}_{part}", f.lit(True)), part, "left")
        hit = f.coalesce(f"{name}_stream_part", f"{name}_batch_part", f.lit(False))
        cause = f.when(hit, f.lit(name)).otherwise(cause)
    explained = differing.select(*IDENTIFIER, "stream", "batch", cause.alias("cause"))
    found = {row.cause: row["count"] for row in explained.groupBy("cause").count().collect()}
    parity = Parity(
        generation=look.generation,
        compared=rows.count(),
        differing=sum(found.values()),
        causes={name: found.get(name, 0) for name in SAID},
    )
    rows.unpersist()
    return parity, explained


def _side_by_side(spark: SparkSession, look: Look, sides: Sides) -> DataFrame:
    """Every identifier, with its customer and its part on both sides."""
    # Who moved while the overlay was read may have been met twice.
    told = spark.read.schema(ANSWERS).parquet(str(look.answers)).dropDuplicates(list(IDENTIFIER))
    said = told.withColumn("said", f.lit(True))
    below = assigned(sides.before).select(
        *IDENTIFIER, f.col("customer_id").alias("below"), f.col("component").alias("below_part")
    )
    above = said.withColumnsRenamed({"customer_id": "above", "part": "above_part"})
    batch = assigned(sides.after).select(
        *IDENTIFIER, f.col("customer_id").alias("batch"), f.col("component").alias("batch_part")
    )
    stream = f.when(f.col("said"), f.col("above")).otherwise(f.col("below"))
    # Numbers of components mean something within their own side only.
    part = f.when(f.col("said"), f.struct(f.lit("stream").alias("of"), f.col("above_part").alias("part")))
    part = part.otherwise(f.struct(f.lit("generation").alias("of"), f.col("below_part").alias("part")))
    return (
        below.join(above, list(IDENTIFIER), "full")
        .withColumns({"stream": stream, "stream_part": part})
        .join(batch, list(IDENTIFIER), "full")
        .select(
            f.concat_ws("\0", *IDENTIFIER).alias("x"),
            *IDENTIFIER,
            "stream",
            f.when(f.col("stream_part.part").isNotNull(), f.col("stream_part")).alias("stream_part"),
            "batch",
            "batch_part",
        )
    )


def named_in(facts: DataFrame) -> DataFrame:
    """`x` of every identifier that some facts are about."""
    return facts.select(f.col("a").alias("x")).union(facts.select("b")).where("x IS NOT NULL")


def expired(sides: Sides, rules: Rules) -> DataFrame:
    """`x` of identifiers that expired between the two moments, or that have a link which did."""
    old, new, both = sides.old.as_of, sides.new.as_of, (sides.before, sides.after)
    links = sides.after["silver/links"]
    pairs = [
        (a, b, rules.between(a, b).max_age)
        for a in rules.types
        for b in rules.types
        if rules.between(a, b).max_age is not None
    ]
    ages = links.sparkSession.createDataFrame(pairs, "a_type STRING, b_type STRING, max_age BIGINT")
    typed = links.withColumns({"a_type": f.split("a", "\0")[1], "b_type": f.split("b", "\0")[1]})
    ends = typed.join(f.broadcast(ages), ["a_type", "b_type"]).withColumn(
        "expires", f.col("last_seen") + f.col("max_age")
    )
    # A moment that was set by hand may lie before the one of the former run.
    first, last = sorted(-(2**63) if moment is None else moment for moment in (old, new))
    turned = ends.where((f.col("expires") >= first) & (f.col("expires") < last))
    key = f.concat_ws("\0", *IDENTIFIER).alias("x")
    sets = [side["gold/quarantined"].where("reason LIKE 'expired%'").select(key) for side in both]
    return named_in(turned).union(sets[0].exceptAll(sets[1])).union(sets[1].exceptAll(sets[0]))


def records_between(versions: DataFrame, old: Manifest, new: Manifest) -> DataFrame:
    """What the records that differ between two generations have ever said, in the columns of their table."""
    first, last = sorted((old.loads, new.loads))
    known = versions.where(f.col("load") <= last)
    changed = known.where(f.col("load") > first).select("tenant", "source", "record").distinct()
    # The version that ends a record says nothing; those before it do.
    return known.where("identifiers IS NOT NULL").join(changed, ["tenant", "source", "record"])


def causes(
    sides: Sides, newer: DataFrame | None, records: DataFrame | None, rules: tuple[Rules, Rules]
) -> dict[str, DataFrame]:
    """What each cause touches.

    `newer` are messages after the cut-off, `records` versions of records that changed; `rules` are the old
    ones and the new.
    """
    found = {}
    each = {rule.fingerprint: rule for rule in rules}.values()
    if sides.new.as_of != sides.old.as_of:
        found[EXPIRY] = expired(sides, rules[1])
    if newer is not None:
        found[NEWER] = reduce(DataFrame.union, [named_in(silver.facts(newer, by)) for by in each])
    if records is not None:
        found[RECORDS] = reduce(DataFrame.union, [named_in(silver.record_facts(records, by)) for by in each])
    return found
