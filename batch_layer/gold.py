"""Gold: what a run found, as Delta tables, and the state of ids that it hands to the next run.

A run writes its tables first and publishes last; the manifest names the version of each table that
belongs to the generation. The next run reads these versions, so a run that died half-way is as if it
had never been.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.tables import TABLES
from schemas.generation import Manifest

HOMES = TABLES["gold/homes"].ddl
IDS = TABLES["gold/ids"].ddl


class Gold:
    """The tables below the Delta root that runs write. A rehearsal writes them below `scratch` instead."""

    def __init__(self, spark: SparkSession, root: Path, scratch: Path | None = None) -> None:
        self._spark = spark
        self._root = root
        self._target = scratch or root
        self.versions: dict[str, int] = {}
        self._written: dict[str, DataFrame] = {}

    def read(self, name: str, ddl: str, manifest: Manifest) -> DataFrame:
        """A table as it was for a generation; empty where that generation had none."""
        version = manifest.tables.get(name)
        if version is None:
            return self._spark.createDataFrame([], ddl)
        return delta.read(self._spark, self._root, name, version)

    def before(self, name: str, manifest: Manifest) -> DataFrame:
        """A described table as it was for a generation; see `read`."""
        return self.read(name, TABLES[name].ddl, manifest)

    def write(self, name: str, frame: DataFrame) -> DataFrame:
        """Replace a table; returns it as written."""
        self._note(name, delta.replace(self._spark, self._target, name, frame))
        return self._written[name]

    def write_all(self, frames: Mapping[str, DataFrame]) -> None:
        """Replace several tables. Most of a small write is waiting, so they are written side by side."""
        with ThreadPoolExecutor(len(frames)) as pool:
            list(pool.map(self.write, frames, frames.values()))

    def revise_all(
        self, manifest: Manifest, changes: Mapping[str, tuple[DataFrame, DataFrame | None]]
    ) -> None:
        """Make several tables from those of a generation, side by side; see `revise`."""
        with ThreadPoolExecutor(len(changes)) as pool:
            list(pool.map(lambda name: self.revise(name, manifest, *changes[name]), changes))

    def revise(self, name: str, manifest: Manifest, rows: DataFrame, gone: DataFrame | None) -> None:
        """Make a table from that of a generation: less the rows that agree with one of `gone`, plus `rows`.

        `gone` has columns of the table, None where nothing goes. `rows` and `gone` are small; what is left of
        the table is written as it lies.
        """
        known = manifest.tables[name]
        rows = rows.coalesce(1)
        if gone is None and delta.newest(self._root, name) == known:
            if not rows.isEmpty():
                delta.append(self._spark, self._root, name, rows)
            self._note(name, delta.newest(self._root, name))
            return
        base = self.before(name, manifest)
        if gone is not None:
            base = base.join(f.broadcast(gone), gone.columns, "left_anti")
        self._note(name, delta.replace(self._spark, self._root, name, base.unionByName(rows), lying=True))

    def _note(self, name: str, version: int) -> None:
        self.versions[name] = version
        self._written[name] = delta.read(self._spark, self._target, name, version)

    def written(self, name: str) -> DataFrame:
        """A table that this run wrote."""
        return self._written[name]


def answers(
    members: DataFrame, named: DataFrame, refused: DataFrame, dropped: DataFrame, rejects: DataFrame
) -> dict[str, DataFrame]:
    """The tables for people, by name.

    `members` has `x, customer`, `named` `tenant, customer, identifiers, component, aliases`, `refused`
    `a, b, reason`, `dropped` `x, reason`, `rejects` the columns of its table.
    """
    customer = f.col("customer").alias("customer_id")
    return {
        "gold/identifiers": members.select(*_named("x"), customer),
        "gold/customers": named.select("tenant", customer, "identifiers", "component"),
        "gold/aliases": named.select("tenant", f.explode("aliases").alias("alias"), customer),
        "gold/refused_links": refused.select(*_named("a", "a_"), *_named("b", "b_")[1:], "reason"),
        "gold/quarantined": dropped.select(*_named("x"), "reason"),
        "gold/rejects": rejects,
    }


def _named(key: str, prefix: str = "") -> list[f.Column]:  # type: ignore[name-defined]
    """Tenant, type and value of an identifier's key."""
    parts = f.split(key, "\0", 3)
    return [
        parts[0].alias("tenant"),
        parts[1].alias(f"{prefix}type"),
        parts[2].alias(f"{prefix}value"),
    ]
