"""Step 4 in Spark, as far as it looks across components: which ids does an identifier keep?

What `identity.name` does over one dictionary is here a handful of joins. An id's keeper may have left for
another component; once each keeper knows what it holds, a component can be named by itself
(`batch_layer.customers`).
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from batch_layer.numbers import Number, chosen
from identity import Rules


def homes(seen: DataFrame, homes_: DataFrame, number: Number) -> DataFrame:
    """`seen` with `home`; who is no longer seen is forgotten. `homes_` has `x, home`."""
    return seen.join(homes_.select(number("x").alias("xi"), "x", "home"), ["xi", "x"], "left")


def territories(members: DataFrame, rules: Rules) -> DataFrame:
    """`home, xi, scattered`: of each id the keeper, null where none is in, and whether it is all over.

    `members` has `root, xi, x, code, first_ingested, fault, home`. An id is scattered if not all that are at
    home in it are in one component, and in.
    """
    place = f.struct(*_place(rules), f.col("xi"))
    first = f.min(f.when(f.col("fault").isNull(), place)).alias("first")
    out = f.bool_or(f.col("fault").isNotNull())
    scattered = (out | (f.min("root") != f.max("root"))).alias("scattered")
    found = members.where("home IS NOT NULL").groupBy("home").agg(first, scattered)
    return found.select("home", f.col("first.xi").alias("xi"), "scattered")


def held(territory: DataFrame, ids: DataFrame) -> DataFrame:
    """`xi, held`: the ids that each keeper holds, with their age.

    `ids` has `customer, generation, first_ingested, anchor, counter`.
    """
    age = f.struct("generation", "first_ingested", "anchor", "counter", "customer", "scattered")
    kept = territory.where("xi IS NOT NULL").join(ids.withColumn("home", f.col("customer")), "home")
    return kept.groupBy("xi").agg(f.collect_list(age).alias("held"))


def minted(seen: DataFrame, ids: DataFrame, number: Number) -> DataFrame:
    """`seen` with `minted`: how many ids were minted from an identifier and that first ingestion."""
    anchors = ids.select(number("anchor").alias("xi"), f.col("anchor").alias("x"), "first_ingested")
    counts = anchors.groupBy("xi", "x", "first_ingested").agg(f.count("*").cast("int").alias("count"))
    minted_ = f.coalesce("count", f.lit(0)).alias("minted")
    return seen.join(counts, ["xi", "x", "first_ingested"], "left").select(
        *map(seen.__getitem__, seen.columns), minted_
    )


def residents(members: DataFrame, territory: DataFrame, ids: DataFrame, rules: Rules) -> DataFrame:
    """`customer, generation, first_ingested, anchor, counter, residents` of the ids that are scattered.

    `members` has `x, code, first_ingested` and the new `home`; the residents stand in line to keep the id.
    """
    homes_ = members.join(territory.where("scattered").select("home"), "home", "left_semi")
    line = f.sort_array(f.collect_list(f.struct(*_place(rules)))).alias("line")
    gathered = homes_.groupBy("home").agg(line).select(f.col("home").alias("customer"), "line.x")
    return ids.join(gathered.withColumnRenamed("x", "residents"), "customer")


def _place(rules: Rules) -> list[Column]:
    """Where somebody stands in the line to keep an id, as `identity.name.keeper_key` has it."""
    ranks = [rule.rank for rule in rules.types.values()]
    return [chosen(ranks, f.col("code")).alias("rank"), f.col("first_ingested"), f.col("x")]
