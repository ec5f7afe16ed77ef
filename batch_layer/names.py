"""Step 4 in Spark: which id does a customer carry?

What `identity.name` does over one dictionary is here a handful of joins; minting and the choice of a new
home are its own functions. An id's keeper may have left for another component, so this is the one step
that looks across them.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from batch_layer.silver import identifier_of, tenant_of
from identity import Minter, Rules

_NAMED = pa.schema(
    [
        ("group", pa.string()),
        ("customer", pa.string()),
        ("aliases", pa.list_(pa.string())),
        ("anchor", pa.string()),
        ("first_ingested", pa.int64()),
        ("counter", pa.int32()),
    ]
)


def territories(homes: DataFrame, seen: DataFrame, rules: Rules) -> DataFrame:
    """`home, x, place`: who is at home in each id; the smallest place is the first to keep it.

    `homes` has `x, home`. Identifiers that are no longer seen are forgotten.
    """
    ranks = homes.sparkSession.createDataFrame(
        [(name, rule.rank) for name, rule in rules.types.items()], "type STRING, rank INT"
    )
    known = homes.join(seen.select("x", "first_ingested"), "x").withColumn("type", f.split("x", "\0")[1])
    place = f.struct(f.coalesce("rank", f.lit(2**31 - 1)).alias("rank"), "first_ingested", "x").alias("place")
    return known.join(f.broadcast(ranks), "type", "left").select("home", "x", place)


def name(
    groups: DataFrame, seen: DataFrame, territory: DataFrame, ids: DataFrame, id_key: bytes
) -> DataFrame:
    """`group, customer, aliases`, and what a new id was minted from: `anchor, first_ingested, counter`.

    `groups` has `group, x`; `ids` has `customer, generation, first_ingested, anchor, counter`.
    """
    live = territory.join(groups, "x")
    keepers = live.groupBy("home").agg(f.min_by("group", "place").alias("group"))
    age = f.struct("generation", "first_ingested", "anchor", "counter", f.col("home").alias("customer"))
    held = (
        keepers.join(ids.withColumnRenamed("customer", "home"), "home")
        .groupBy("group")
        .agg(f.sort_array(f.collect_list(age)).alias("held"))
        .select("group", f.col("held.customer").alias("held"))
    )
    first = f.min(f.struct("first_ingested", "x")).alias("first")
    anchors = (
        groups.join(seen.select("x", "first_ingested"), "x")
        .groupBy("group")
        .agg(first)
        .select(
            "group", f.col("first.x").alias("anchor"), f.col("first.first_ingested").alias("first_ingested")
        )
    )
    used = ids.groupBy("anchor", "first_ingested").agg(f.count("*").cast("int").alias("used"))
    ready = (
        anchors.join(held, "group", "left")
        .join(used, ["anchor", "first_ingested"], "left")
        .select("group", "held", "anchor", "first_ingested", f.coalesce("used", f.lit(0)).alias("used"))
    )

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        minters: dict[str, Minter] = {}
        for group, held_, anchor, first_ingested, counter in rows:
            if held_:
                yield (group, held_[0], held_[1:], None, None, None)
            else:
                tenant = tenant_of(anchor)
                minter = minters.setdefault(tenant, minters.get(tenant) or Minter(id_key, tenant))
                customer = minter.mint(identifier_of(anchor), first_ingested, counter)
                yield (group, customer, [], anchor, first_ingested, counter)

    return map_rows(ready, step, _NAMED)


def new_homes(groups: DataFrame, named: DataFrame, homes: DataFrame) -> DataFrame:
    """`x, home` for the next generation; see `identity.name.new_home`. Who dropped out keeps his."""
    placed = groups.join(named.select("group", "customer", "aliases"), "group").select(
        "x", "customer", "aliases"
    )
    stays = (f.col("home") == f.col("customer")) | f.array_contains("aliases", f.col("home"))
    home = f.when(f.col("customer").isNull() | stays, f.col("home")).otherwise(f.col("customer"))
    return homes.join(placed, "x", "full").select("x", home.alias("home"))
