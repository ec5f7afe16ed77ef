"""Gold: what a run found, as Delta tables, and the state of ids that it hands to the next run.

A run writes its tables first and publishes last; the manifest names the version of each table that
belongs to the generation. The next run reads these versions, so a run that died half-way is as if it
had never been.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from schemas.generation import Manifest

HOMES = "x STRING, home STRING"
IDS = "customer STRING, generation BIGINT, first_ingested BIGINT, anchor STRING, counter INT"


class Gold:
    """The tables below the Delta root that runs write."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self._spark = spark
        self._root = root
        self.versions: dict[str, int] = {}

    def read(self, name: str, ddl: str, manifest: Manifest) -> DataFrame:
        """A table as it was for a generation; empty where that generation had none."""
        version = manifest.tables.get(name)
        if version is None:
            return self._spark.createDataFrame([], ddl)
        return self._spark.read.format("delta").option("versionAsOf", version).load(str(self._root / name))

    def write(self, name: str, frame: DataFrame) -> DataFrame:
        """Replace a table; returns it as written."""
        path = str(self._root / name)
        frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(path)
        # Not what the session notes of its last commit: Delta makes none where nothing changes.
        version = DeltaTable.forPath(self._spark, path).history(1).select("version").first()
        assert version is not None, "a table that was written has a history"
        self.versions[name] = version[0]
        return self._spark.read.format("delta").option("versionAsOf", version[0]).load(path)

    def write_all(self, frames: Mapping[str, DataFrame]) -> None:
        """Replace several tables. Most of a small write is waiting, so they are written side by side."""
        with ThreadPoolExecutor(len(frames)) as pool:
            list(pool.map(self.write, frames, frames.values()))
