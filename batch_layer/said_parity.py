"""Parity of what profiles, segments and consents are made of: the word of the stream, and that of the batch.

Who a customer is, `batch_layer.parity` compares. A profile, segments and what is permitted follow from the
registers and statements of the members, by the same code in both layers. So it is these that are compared: of
every identifier of which either layer has said something since the generation that readers stand on. What
nobody hears, for its identifier has no customer, is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import BinaryType, StructField, StructType

from batch_layer import consents, profiles
from batch_layer.rows import Row, map_rows
from batch_layer.silver import identifier_of, tenant_of
from identity import Rules
from schemas import records
from schemas.claims import profile_key

# What a look writes of registers and statements, as Parquet: the record's key, what readers are told, and
# what their generation alone would tell; null where that is nothing.
HEARD = StructType([StructField(name, BinaryType()) for name in ("key", "stream", "below")])

_KEYED: Final = pa.schema([("x", pa.string()), ("key", pa.binary())])


@dataclass(frozen=True, slots=True)
class Said:
    """All that was said up to a cut-off: rows of silver/claims, and statements as `consents` has them."""

    claims: DataFrame
    statements: DataFrame


def compare(
    spark: SparkSession,
    heard: Path,
    said: tuple[Said, Said],
    rules: tuple[Rules, Rules],
    live: DataFrame,
    causes: Mapping[str, DataFrame],
    otherwise: str,
) -> tuple[int, dict[str, int]]:
    """How many registers and statements were compared, and how many differ, by cause.

    `heard` has files of HEARD. `said` and `rules` are those of the generation that readers stood on, and the
    new ones; `live` has `x` of all who have a customer by the new one. `causes` are as in `parity.compare`,
    the one that counts most last; what none touches has the cause `otherwise`.
    """
    changed = _keyed(_changed(*said).union(_changed(*said[::-1])).distinct()).persist()
    whose = changed.select("x").distinct()
    former, batch = (
        _told(all_said, by).join(whose, "x", "left_semi").select("key", f.col("value").alias(name))
        for all_said, by, name in zip(said, rules, ("former", "batch"), strict=True)
    )
    here = changed.join(batch, "key", "left").join(former, "key", "left").withColumn("changed", f.lit(True))
    there = (
        spark.read.schema(HEARD).parquet(str(heard)).dropDuplicates(["key"]).withColumn("told", f.lit(True))
    )
    rows = here.join(there, "key", "full").select(
        "key",
        "x",
        f.when(f.col("told"), f.col("stream")).otherwise(f.col("former")).alias("stream"),
        f.when(f.col("changed"), f.col("batch")).otherwise(f.col("below")).alias("batch"),
    )
    is_live = live.select("x").distinct().withColumn("live", f.lit(True))
    rows = rows.where("stream IS NOT NULL OR batch IS NOT NULL").join(is_live, "x", "left")
    rows = rows.where("x IS NULL OR live").persist()
    differing = rows.where(~f.col("stream").eqNullSafe(f.col("batch"))).select("key")
    cause = f.lit(otherwise)
    for name, touched in causes.items():
        keys = _keyed(touched.select("x").distinct()).select("key").distinct()
        differing = differing.join(keys.withColumn(name, f.lit(True)), "key", "left")
        cause = f.when(f.col(name), f.lit(name)).otherwise(cause)
    found = differing.groupBy(cause.alias("cause")).count().collect()
    compared = rows.count()
    rows.unpersist()
    return compared, {row["cause"]: row["count"] for row in found}


def _told(said: Said, rules: Rules) -> DataFrame:
    """`x, key, value` of every identifier's registers and statements."""
    # Values stand by themselves, and begin with a byte that says so.
    registers = profiles.registers(said.claims, rules).withColumn("value", f.expr("substring(value, 2)"))

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for x, claims in rows:
            yield x, records.claims_key(tenant_of(x), identifier_of(x)), claims

    schema = pa.schema([*_KEYED, ("value", pa.binary())])
    return registers.select("x", "key", "value").union(map_rows(consents.held(said.statements), step, schema))


def _changed(one: Said, other: Said) -> DataFrame:
    """`x` of those of whom the first says what the second does not."""
    claims, statements = one.claims.subtract(other.claims), one.statements.subtract(other.statements)
    return claims.select("x").union(statements.select("x"))


def _keyed(xs: DataFrame) -> DataFrame:
    """`x, key`: the keys of what is said of each."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for (x,) in rows:
            tenant, identifier = tenant_of(x), identifier_of(x)
            yield x, profile_key(tenant, identifier)
            yield x, records.claims_key(tenant, identifier)

    return map_rows(xs, step, _KEYED)
