"""From a source to loads: one after the other, each whole or absent, and each content once."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from batch_layer.alone import alone
from batch_layer.sources import files
from batch_layer.sources.loading import Loading, Progress
from batch_layer.sources.loads import LANDED, Loads
from batch_layer.sources.model import Source
from batch_layer.sources.report import Report
from batch_layer.sources.tables import Tables

# Below the Delta root: who writes to the tables of slow sources holds it.
LOCK = ".import.lock"


def staging(root: Path) -> Path:
    """Where copies of exports lie while they are read; who holds the lock may delete it."""
    return root / "bronze" / ".staging"  # beside the tables, so that all executors reach it


@dataclass(frozen=True, slots=True)
class Importer:
    """What loads need to know. `delta` is the root of the tables, which all executors share.

    `spark` gives the session, and is called once there is something to read: most nights nothing is new.
    `clock` tells the time in microseconds. `accept` lands a load beyond its limits, `again` takes what was
    taken before, `dry` lands nothing.
    """

    spark: Callable[[], SparkSession]
    delta: Path
    clock: Callable[[], int]
    progress: Progress
    accept: bool = False
    again: bool = False
    dry: bool = False

    def run(self, source: Source, tenant: str, patterns: Sequence[str]) -> Iterator[Report]:
        """Load a database's table, or each export that the patterns mean, in their order.

        Yields a report when a load counts, or was stopped by a limit, which ends the run. Raises
        Unreadable; what was reported before stays.
        """
        with alone(self.delta, LOCK):  # of two imports the second waits
            try:
                for path in [None] if source.format == "jdbc" else files.found(patterns):
                    report = self._load(source, tenant, path)
                    yield report
                    if report.stopped:
                        return
            finally:
                shutil.rmtree(staging(self.delta), ignore_errors=True)

    def _load(self, source: Source, tenant: str, path: Path | None) -> Report:
        loads = Loads(self.delta)
        past = loads.all()
        mine = [x for x in past if (x.tenant, x.source, x.state) == (tenant, source.name, LANDED)]
        like = [x for x in mine if x.definition == source.fingerprint and not self.again]
        export = None
        if path is not None:
            self.progress(f"{source.name}: reading {path}")
            export = files.copied(path, staging(self.delta))
            before = [x for x in like if export.sha256 in {file.sha256 for file in x.files}]
            if before:
                return Report(
                    source=source.name,
                    name=export.name,
                    before=before[-1].load,
                    outdated=source.export == "full" and before[-1] != mine[-1],
                )
        spark = self.spark()
        loading = Loading(
            spark=spark,
            tables=Tables(spark, self.delta),
            loads=loads,
            source=source,
            tenant=tenant,
            last=past[-1].load if past else 0,
            # The times of loads only go forward, whatever the clock does.
            now=max(self.clock(), past[-1].ingested_at + 1 if past else 0),
            watermark=like[-1].watermark if like else None,
            before=tuple(x.load for x in like),
            progress=self.progress,
            accept=self.accept,
            dry=self.dry,
        )
        try:
            return loading.run(export)
        finally:
            spark.catalog.clearCache()
