"""What a load does to what is known: a pure step from versions to versions.

A record's version replaces its former one. Of two that say when they changed, the newer holds, whichever
was loaded first; of two that do not, the one loaded last.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

# What became of a record. GONE: its source deleted it before it was known. MISSING: a full export no longer
# has it.
NEW, REPLACED, UNCHANGED, OLDER = "new", "replaced", "unchanged", "older"
ENDED, GONE, MISSING = "ended", "gone", "missing"
LANDED = (NEW, REPLACED, ENDED, GONE)  # those that make a version; so does MISSING, where that is certain

# Why a version is an end, besides MISSING.
DELETED = "deleted"


def decided(rows: DataFrame, known: DataFrame, *, timed: bool, full: bool) -> DataFrame:
    """One row a record: what it says now, and what became of it.

    `record, changed_at, content, identifiers, attributes, consents, ended, verdict, alive`:
    `rows` is what `checks.folded` gives; `known` the current version of each record. `timed`: the source
    says when a record changed, and one that does not is the oldest. `full`: who is not among the rows, not
    even rejected, is MISSING. `alive`: whether it stood before. Who is not concerned has no verdict.
    """
    good = rows.where("NOT rejected").drop("failures", "rejected", "repeated", "file", "row")
    refused = rows.where("rejected AND record IS NOT NULL").select("record", f.lit(True).alias("refused"))
    before = known.select(
        "record",
        f.col("changed_at").alias("known_at"),
        f.col("content").alias("known_content"),
        f.col("ended").isNull().alias("known_alive"),
    )
    joined = good.join(before, "record", "full").join(refused.distinct(), "record", "left")
    alive = f.coalesce("known_alive", f.lit(False))
    absent = f.when(f.lit(full) & alive & f.col("refused").isNull(), MISSING)
    verdict = (
        f.when(f.col("content").isNull(), absent)
        .when(f.col("content") == f.col("known_content"), UNCHANGED)
        .when(f.col("changed_at") < f.col("known_at"), OLDER)
        .when(f.lit(timed) & f.col("changed_at").isNull() & f.col("known_at").isNotNull(), OLDER)
        .when(f.col("deleted"), f.when(alive, ENDED).otherwise(GONE))
        .otherwise(f.when(alive, REPLACED).otherwise(NEW))
    )
    told = joined.withColumns({"verdict": verdict, "alive": alive})
    return told.select(
        "record",
        # An end keeps the time of what ended: what is older stays so.
        f.when(f.col("verdict") == MISSING, f.col("known_at"))
        .otherwise(f.col("changed_at"))
        .alias("changed_at"),
        "content",
        "identifiers",
        "attributes",
        "consents",
        f.when(f.col("verdict") == MISSING, MISSING).when(f.col("deleted"), DELETED).alias("ended"),
        "verdict",
        "alive",
    )
