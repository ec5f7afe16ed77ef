"""After the publication: small files become large ones, and what nobody can go back to any more goes."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from delta import DeltaTable
from pyspark.sql import SparkSession

from batch_layer import delta
from batch_layer.alone import Busy, alone
from batch_layer.sources.importing import LOCK
from batch_layer.tables import TABLES
from schemas.copies import prune, sweep
from schemas.generation import numbers, open_generation, path_of

log = logging.getLogger(__name__)

# So many files of one day, or of a table that has no days, are made into one. Fewer cost a reader little, and
# compacting after each run would write a day's messages again and again.
COMPACT_FROM = 16

# Vacuum lists every file of every table: once a day is enough.
_DAY_S = 86_400.0
_MARK = ".vacuumed"

_DAY_OF = re.compile(r"/day=([0-9-]+)/")


@dataclass(frozen=True, slots=True)
class Keep:
    """What a run leaves: `generations` to go back to, and `days` of history of the tables.

    `readers` tells which generation readers stand on; None where nobody can say, and then none is dropped.
    """

    generations: int
    days: int
    readers: Callable[[], int | None]


def tidy(spark: SparkSession, root: Path, generations: Path, keep: Keep) -> None:
    """Compact, drop generations, vacuum. Only for who holds the lock of a run."""
    compact(spark, root, "bronze/events")
    # An import takes away what killed loads left, which must not meet a compaction.
    with suppress(Busy), alone(root, LOCK, wait=False):
        compact(spark, root, "bronze/records")
        compact(spark, root, "bronze/rejects")
    live = keep.readers()
    if live is not None:
        sweep(generations)
        gone = prune(generations, keep.generations, {live})
        if gone:
            log.info("dropped %d generations that are older than the newest %d", len(gone), keep.generations)
    mark = root / _MARK
    if not mark.exists():
        mark.touch()  # a system that has just begun has nothing to lose
    elif time.time() - mark.stat().st_mtime >= _DAY_S:
        hours = history_hours(generations, keep.days, time.time())
        versions = needed(generations)
        for name in (name for name in TABLES if delta.exists(root, name)):
            vacuum(spark, root, name, hours, versions.get(name))
        mark.touch()


def compact(spark: SparkSession, root: Path, name: str) -> None:
    """Make one file of many small ones, day by day where a table has days; nothing where it is missing."""
    if not delta.exists(root, name):
        return
    files = delta.read(spark, root, name).inputFiles()
    table = DeltaTable.forPath(spark, str(root / name))
    if not TABLES[name].partitions:
        if len(files) >= COMPACT_FROM:
            table.optimize().executeCompaction()
        return
    days = Counter(found[1] for file in files if (found := _DAY_OF.search(file)))
    many = [day for day, count in days.items() if count >= COMPACT_FROM]
    if many:
        listed = ", ".join(f"'{day}'" for day in many)
        table.optimize().where(f"day IN ({listed})").executeCompaction()


def history_hours(generations: Path, days: int, now: float) -> int:
    """How long replaced files stay: `days`, or longer where a generation that is kept needs them.

    The next run reads the tables of the generation that it is built upon, which may be an old one.
    """
    made = [
        (path_of(generations, number) / "manifest.json").stat().st_mtime for number in numbers(generations)
    ]
    oldest = (now - min(made, default=now)) / 3_600
    return max(days * 24, int(oldest) + 24)


def needed(generations: Path) -> dict[str, int]:
    """The oldest version of each table that a generation which is kept was made with."""
    found: dict[str, int] = {}
    for number in numbers(generations):
        for name, version in open_generation(generations, number).manifest.tables.items():
            found[name] = min(version, found.get(name, version))
    return found


def log_hours(log_: Path, hours: int, oldest: int | None, now: float) -> int:
    """How long the log of a table stays: so many hours, or longer where it would be missed.

    Delta keeps no checkpoint for the sake of a version that is younger than what it drops. So the log stays
    from the last checkpoint on that the `oldest` version which is needed can be read from.
    """
    if oldest is None:
        return hours
    told = {file: int(file.name.partition(".")[0]) for file in log_.glob("[0-9]*.*") if file.is_file()}
    begins = [version for file, version in told.items() if ".checkpoint." in file.name and version <= oldest]
    first = max(begins, default=min(told.values(), default=0))
    made = [file.stat().st_mtime for file, version in told.items() if first <= version <= oldest]
    return max(hours, int((now - min(made, default=now)) / 3_600) + 24)


def vacuum(spark: SparkSession, root: Path, name: str, hours: int, oldest: int | None = None) -> None:
    """Delete files that were replaced more than so many hours ago; what is younger can be read as it was.

    With a checkpoint, so that the log of those files goes, too: each commit of it tells their smallest and
    largest values, and else it would wait for the tenth commit. `oldest` is the first version that is needed.
    """
    path = root / name
    logged = log_hours(path / "_delta_log", hours, oldest, time.time())
    wanted = {
        "delta.logRetentionDuration": f"interval {logged} hours",
        "delta.deletedFileRetentionDuration": f"interval {hours} hours",
    }
    if TABLES[name].bounded:
        wanted[delta.BOUNDED] = ",".join(TABLES[name].bounded)
    table = DeltaTable.forPath(spark, str(path))
    known = table.detail().select("properties").first()
    assert known is not None, "a table has one detail"
    if any(known[0].get(key) != value for key, value in wanted.items()):
        listed = ", ".join(f"'{key}' = '{value}'" for key, value in wanted.items())
        spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ({listed})")
    settings = {
        # Delta warns of less than a week for the sake of writers that take longer; none of ours takes a day.
        "spark.databricks.delta.retentionDurationCheck.enabled": "false",
        # Into so many tasks it divides the listing of directories, by default ten thousand.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(
            spark.sparkContext.defaultParallelism
        ),
    }
    before = {key: spark.conf.get(key) for key in settings}
    try:
        for key, value in settings.items():
            spark.conf.set(key, value)
        table.vacuum(hours)
        _checkpoint(spark, path)
    finally:
        for key, known_value in before.items():
            spark.conf.set(key, str(known_value))


def _checkpoint(spark: SparkSession, path: Path) -> None:
    """Have Delta write a checkpoint, and drop what of the log is older than it is to be kept."""
    jvm = spark._jvm  # noqa: SLF001 - Delta's Python has no word for it
    assert jvm is not None, "a session has a JVM"
    log_ = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, str(path))  # noqa: SLF001
    log_.checkpoint()
