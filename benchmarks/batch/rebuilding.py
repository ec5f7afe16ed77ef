"""From bronze to a published generation: how long, how much memory, how many bytes."""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from pyspark.sql import SparkSession

from batch_layer.begin import begin
from batch_layer.run import Run, rebuild
from benchmarks.batch import workload
from benchmarks.batch.memory import watched
from identity import rulefile
from schemas.absorb import LOG
from schemas.generation import Manifest, open_generation

_PARTITIONS = dict.fromkeys(LOG, 6)


class Rebuilt(NamedTuple):
    """What one run took and gave."""

    seconds: float
    peak: int  # bytes
    size: int  # bytes of the generation
    identifiers: int


class Rebuilding:
    """A system of made-up customers below a directory."""

    def __init__(self, spark: SparkSession, home: Path, customers: int) -> None:
        self._job = Run(
            spark=spark,
            kafka="",  # nothing is landed: the messages are there
            delta=home / "delta",
            generations=home / "generations",
            id_key=b"benchmark" * 4,
            partitions=_PARTITIONS,
        )
        begin(self._job.generations, workload.RULES, _PARTITIONS)
        self._bronze = self._job.delta / "bronze" / "events"
        workload.write(workload.messages(spark, 0, customers), self._bronze, delta=True)

    def run(self, progress: Callable[[str], None]) -> Rebuilt:
        """The first generation, from everything."""
        before = open_generation(self._job.generations, 0).manifest
        manifest = Manifest(
            generation=1,
            offsets={},
            as_of=None,
            rules=workload.RULES,
            fingerprint=rulefile.parse(workload.RULES).fingerprint,
        )
        begun = perf_counter()
        with watched(os.getpid()) as peak:
            made = rebuild(self._job, before, manifest, progress)
        size = sum(shard.size for shard in made.shards)
        return Rebuilt(perf_counter() - begun, peak.bytes, size, made.counts["identifiers"])
