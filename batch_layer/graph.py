"""Steps 1 and 2 of resolution in Spark: what each identifier keeps.

A link travels as two half-links, one from each end. Identifiers of which nothing can be said but that they
keep all (`batch_layer.settled`) stay in Spark; of the others the same functions decide as everywhere, in
Python, where their links are at hand. What comes out are the exceptions: who dropped out, and which links an
end does not keep.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.leaf import leaf
from batch_layer.rows import Row, map_groups
from batch_layer.settled import unsettled
from batch_layer.silver import identifier_of
from identity import Link, Rules, Seen, Verdict
from identity.own import kept
from identity.screen import counting, identifier_fault, is_shut
from identity.staleness import may_be_kept
from schemas.records import MINE, OUT, THEIRS

LINK = ("first_seen", "last_seen", "first_ingested", "verdict", "decided_at")
_HALF = pa.schema(
    [
        ("xi", pa.int64()),
        ("zi", pa.int64()),
        ("x", pa.string()),
        ("z", pa.string()),
        ("first_seen", pa.int64()),
        ("last_seen", pa.int64()),
        ("first_ingested", pa.int64()),
        ("verdict", pa.int32()),
        ("decided_at", pa.int64()),
        ("stale", pa.int64()),
    ]
)
_SCREENED = pa.schema([*_HALF, ("fault", pa.string())])
_LOST = pa.schema([("xi", pa.int64()), ("zi", pa.int64()), ("out", pa.bool_())])


def screen(seen: DataFrame, half: DataFrame, rules: Rules, as_of: int | None) -> DataFrame:
    """Step 1. `xi, zi, x, z, link, stale, fault` of identifiers that are not settled.

    A row for each half-link, and one with z null for x itself; `stale` and `fault` are those of x. `seen` and
    `half` are as `batch_layer.silver` makes them, `seen` with `stale`.
    """
    open_ = leaf(unsettled(seen, half, rules, as_of).distinct())
    none = f.lit(None)
    itself = seen.join(open_, "xi", "left_semi").select(
        "xi",
        none.alias("zi"),
        "x",
        none.alias("z"),
        "first_seen",
        "last_seen",
        "first_ingested",
        none.alias("verdict"),
        none.alias("decided_at"),
        "stale",
    )
    theirs = half.join(open_, "xi", "left_semi").select("xi", "zi", "x", "z", *LINK, none.alias("stale"))

    def step(rows: list[Row]) -> Iterator[Row]:
        x = identifier_of(rows[0][2])
        ((itself, stale),) = ((Seen(*row[4:7]), row[9]) for row in rows if row[1] is None)
        links = {identifier_of(row[3]): link_of(row[4:9]) for row in rows if row[1] is not None}
        fault = identifier_fault(x, itself, counting(x, links, rules, as_of), rules, as_of)
        return ((*row[:9], stale, fault) for row in rows)

    return map_groups(itself.union(theirs), ["xi"], step, _SCREENED)


def lost(screened: DataFrame, rules: Rules, as_of: int | None) -> DataFrame:
    """Step 2. `xi, zi, out`: the half-links that x does not keep, and whether because z is out."""
    outs = screened.where("z IS NULL AND fault IS NOT NULL").select(
        f.col("xi").alias("zi"), f.lit(True).alias("out")
    )
    half = screened.where("z IS NOT NULL").join(outs, "zi", "left")
    ready = half.select(*_HALF.names, "fault", f.coalesce("out", f.lit(False)).alias("out"))

    def step(rows: list[Row]) -> Iterator[Row]:
        x = identifier_of(rows[0][2])
        links = {identifier_of(row[3]): link_of(row[4:9]) for row in rows if not row[11]}
        mine = may_be_kept(counting(x, links, rules, as_of), rows[0][9])
        keeps = set() if is_shut(rows[0][10]) else kept(x, mine, rules)
        return ((row[0], row[1], row[11]) for row in rows if identifier_of(row[3]) not in keeps)

    # Whoever is settled keeps all but the links to those that are out.
    told = screened.where("z IS NOT NULL AND fault IS NOT NULL").select(
        f.col("zi").alias("xi"), f.col("xi").alias("zi"), f.lit(True).alias("out")
    )
    return map_groups(ready, ["xi"], step, _LOST).union(told)


def exceptions(lost_: DataFrame) -> DataFrame:
    """`xi, zi, state`: the half-links that do not live, and what both ends make of them, as bits."""
    mine = lost_.select("xi", "zi", "out", f.lit(True).alias("mine"), f.lit(False).alias("theirs"))
    theirs = lost_.select(
        f.col("zi").alias("xi"), f.col("xi").alias("zi"), f.lit(False), f.lit(False), f.lit(True)
    )
    bits = (
        f.when(f.bool_or("mine"), 0).otherwise(MINE)
        + f.when(f.bool_or("theirs"), 0).otherwise(THEIRS)
        + f.when(f.bool_or("out"), OUT).otherwise(0)
    )
    return mine.union(theirs).groupBy("xi", "zi").agg(bits.alias("state"))


def link_of(columns: Row) -> Link:
    """The link in the columns of LINK."""
    first_seen, last_seen, first_ingested, verdict, decided_at = columns
    return Link(first_seen, last_seen, first_ingested, Verdict(verdict), decided_at)
