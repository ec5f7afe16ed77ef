"""The Delta tables of slow sources.

    bronze/records   versions of records, by load; never changed, only appended to
    bronze/rejects   what was wrong, a line a failure, with the row as it was

Who reads takes the number of the last load first (`loads`), and versions up to it: what a killed load left
has a higher number, and the next load sweeps it away before it takes that number itself.
"""

from pathlib import Path
from typing import cast

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import StructType

RECORDS = (
    "load BIGINT, tenant STRING, source STRING, record STRING, changed_at BIGINT, ingested_at BIGINT, "
    "ended STRING, content STRING, identifiers MAP<STRING, ARRAY<STRING>>, attributes MAP<STRING, STRING>"
)
REJECTS = (
    "load BIGINT, tenant STRING, source STRING, file STRING, record STRING, column STRING, rule STRING, "
    "reason STRING, rejected BOOLEAN, row STRING"
)
_SCHEMAS = {"records": RECORDS, "rejects": REJECTS}


class Tables:
    """The two tables below the Delta root."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self._spark = spark
        self._root = root / "bronze"

    def known(self, tenant: str, source: str, last: int) -> DataFrame:
        """The version of each record of a source that holds after load `last`, ended or not."""
        mine = (f.col("tenant") == tenant) & (f.col("source") == source)
        return _newest(self._read("records").where(mine & (f.col("load") <= last)))

    def current(self, last: int) -> DataFrame:
        """The records of all sources that stand after load `last`, in the columns of RECORDS."""
        return _newest(self._read("records").where(f.col("load") <= last)).where("ended IS NULL")

    def rejects(self, *loads: int) -> DataFrame:
        """What was wrong in some loads, in the columns of REJECTS."""
        return self._read("rejects").where(f.col("load").isin(*loads))

    def sweep(self, last: int) -> None:
        """Take away what loads left that never counted."""
        for name in _SCHEMAS:
            if self._exists(name) and not self._read(name).where(f.col("load") > last).isEmpty():
                DeltaTable.forPath(self._spark, self._path(name)).delete(f.col("load") > last)

    def append(self, name: str, frame: DataFrame) -> None:
        """Append rows; they count once their load does."""
        columns = cast("StructType", StructType.fromDDL(_SCHEMAS[name])).names
        frame.select(*columns).write.format("delta").mode("append").save(self._path(name))

    def _read(self, name: str) -> DataFrame:
        if not self._exists(name):
            return self._spark.createDataFrame([], _SCHEMAS[name])
        return self._spark.read.format("delta").load(self._path(name))

    def _exists(self, name: str) -> bool:
        return DeltaTable.isDeltaTable(self._spark, self._path(name))

    def _path(self, name: str) -> str:
        return str(self._root / name)


def _newest(versions: DataFrame) -> DataFrame:
    columns = [column for column in versions.columns if column not in {"tenant", "source", "record"}]
    newest = f.max_by(f.struct(*columns), "load").alias("v")
    grouped = versions.groupBy("tenant", "source", "record").agg(newest)
    return grouped.select("tenant", "source", "record", *[f.col(f"v.{column}") for column in columns])
