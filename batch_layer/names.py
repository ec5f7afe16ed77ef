"""Step 4 in Spark, as far as it looks across components: which ids does an identifier keep?

What `identity.name` does over one dictionary is here a handful of joins. An id's keeper may have left for
another component; once each keeper knows what it holds, a component can be named by itself
(`batch_layer.customers`).
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.numbers import Number, chosen
from identity import Rules

_AGE = ("generation", "first_ingested", "anchor", "counter", "customer")


def homes(seen: DataFrame, homes_: DataFrame, number: Number) -> DataFrame:
    """`seen` with `home`; who is no longer seen is forgotten. `homes_` has `x, home`."""
    return seen.join(homes_.select(number("x").alias("xi"), "x", "home"), ["xi", "x"], "left")


def keepers(living: DataFrame, ids: DataFrame, rules: Rules) -> DataFrame:
    """`xi, held`: the ids that each keeper holds, with their age, the oldest first.

    `living` has `xi, x, code, first_ingested, home` of those that are in; `ids` has `customer, generation,
    first_ingested, anchor, counter`.
    """
    ranks = [rule.rank for rule in rules.types.values()]
    place = f.struct(chosen(ranks, f.col("code")).alias("rank"), "first_ingested", "x")
    first = living.where("home IS NOT NULL").groupBy("home").agg(f.min_by("xi", place).alias("xi"))
    age = f.struct(*_AGE).alias("age")
    held = first.join(ids.withColumn("home", f.col("customer")), "home").select("xi", age)
    return held.groupBy("xi").agg(f.sort_array(f.collect_list("age")).alias("held"))


def minted(seen: DataFrame, ids: DataFrame, number: Number) -> DataFrame:
    """`seen` with `minted`: how many ids were minted from an identifier and that first ingestion."""
    anchors = ids.select(number("anchor").alias("xi"), f.col("anchor").alias("x"), "first_ingested")
    counts = anchors.groupBy("xi", "x", "first_ingested").agg(f.count("*").cast("int").alias("count"))
    minted_ = f.coalesce("count", f.lit(0)).alias("minted")
    return seen.join(counts, ["xi", "x", "first_ingested"], "left").select(
        *map(seen.__getitem__, seen.columns), minted_
    )


def residents(homes_: DataFrame, rules: Rules) -> DataFrame:
    """`home, residents`: who is at home in each id, the first to keep it first.

    `homes_` has `x, code, first_ingested, home`.
    """
    ranks = [rule.rank for rule in rules.types.values()]
    place = f.struct(chosen(ranks, f.col("code")).alias("rank"), "first_ingested", "x")
    rows = homes_.where("home IS NOT NULL").select("home", place.alias("place"))
    gathered = rows.groupBy("home").agg(f.sort_array(f.collect_list("place")).alias("residents"))
    return gathered.select("home", f.col("residents.x").alias("residents"))
