"""The Delta tables of slow sources.

    bronze/records   versions of records, by load; never changed, only appended to
    bronze/rejects   what was wrong, a line a failure, with the row as it was

Who reads takes the number of the last load first (`loads`), and versions up to it: what a killed load left
has a higher number, and the next load sweeps it away before it takes that number itself.
"""

from pathlib import Path

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.tables import TABLES

_NAMES = ("bronze/records", "bronze/rejects")


class Tables:
    """The two tables below the Delta root."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self._spark = spark
        self._root = root

    def known(self, tenant: str, source: str, last: int) -> DataFrame:
        """The version of each record of a source that holds after load `last`, ended or not."""
        mine = (f.col("tenant") == tenant) & (f.col("source") == source)
        return _newest(self._read("bronze/records").where(mine & (f.col("load") <= last)))

    def current(self, last: int) -> DataFrame:
        """The records of all sources that stand after load `last`, in the columns of their table."""
        return _newest(self._read("bronze/records").where(f.col("load") <= last)).where("ended IS NULL")

    def versions(self) -> DataFrame:
        """Every version of every record, also of loads that do not count yet."""
        return self._read("bronze/records")

    def landed(self, last: int) -> DataFrame:
        """Every version of every record that loads up to `last` brought."""
        return self.versions().where(f.col("load") <= last)

    def rejects(self, *loads: int) -> DataFrame:
        """What was wrong in some loads, in the columns of their table."""
        return self._read("bronze/rejects").where(f.col("load").isin(*loads))

    def sweep(self, last: int) -> None:
        """Take away what loads left that never counted."""
        for name in _NAMES:
            if self._exists(name) and not self._read(name).where(f.col("load") > last).isEmpty():
                DeltaTable.forPath(self._spark, str(self._root / name)).delete(f.col("load") > last)

    def append(self, name: str, frame: DataFrame) -> None:
        """Append rows; they count once their load does."""
        delta.append(self._spark, self._root, name, frame)

    def _read(self, name: str) -> DataFrame:
        if not self._exists(name):
            return self._spark.createDataFrame([], TABLES[name].ddl)
        found = delta.read(self._spark, self._root, name)
        # An older version wrote what has fewer columns, and the first load since adds them.
        missing = [c for c in TABLES[name].columns if c.name not in found.columns]
        return found.withColumns({c.name: f.lit(None).cast(c.type) for c in missing}) if missing else found

    def _exists(self, name: str) -> bool:
        return delta.exists(self._root, name)


def _newest(versions: DataFrame) -> DataFrame:
    columns = [column for column in versions.columns if column not in {"tenant", "source", "record"}]
    newest = f.max_by(f.struct(*columns), "load").alias("v")
    grouped = versions.groupBy("tenant", "source", "record").agg(newest)
    return grouped.select("tenant", "source", "record", *[f.col(f"v.{column}") for column in columns])
