"""From bronze to a published generation: how long, how much memory, how many bytes."""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from pyspark.sql import SparkSession

from batch_layer.begin import begin
from batch_layer.run import Run, increment, rebuild
from benchmarks.batch import workload
from benchmarks.batch.memory import watched
from identity import rulefile
from schemas import WEB
from schemas.absorb import LOG
from schemas.generation import Manifest, numbers, open_generation

_PARTITIONS = dict.fromkeys(LOG, workload.PARTITIONS)


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
        self._spark, self._customers = spark, customers
        begin(self._job.generations, workload.RULES, _PARTITIONS)
        self._bronze = self._job.delta / "bronze" / "events"
        workload.write(workload.messages(spark, 0, customers), self._bronze, delta=True)

    def run(self, progress: Callable[[str], None]) -> Rebuilt:
        """The first generation, from everything."""
        before, manifest = self._manifests(self._customers * workload.MESSAGES)
        begun = perf_counter()
        with watched(os.getpid()) as peak:
            made = rebuild(self._job, before, manifest, progress)
        size = sum(shard.size for shard in made.shards)
        return Rebuilt(perf_counter() - begun, peak.bytes, size, made.counts["identifiers"])

    def increment(self, progress: Callable[[str], None]) -> float:
        """Seconds that the next one takes, after 1% more links."""
        messages, count = workload.increment(self._spark, self._customers)
        workload.write(messages, self._bronze, delta=True)
        before, manifest = self._manifests(self._customers * workload.MESSAGES + count)
        begun = perf_counter()
        increment(self._job, before, manifest, progress)
        return perf_counter() - begun

    def _manifests(self, messages: int) -> tuple[Manifest, Manifest]:
        """The last generation's, and what is known beforehand of the next one's, of so many messages."""
        number = numbers(self._job.generations)[-1]
        manifest = Manifest(
            generation=number + 1,
            offsets={WEB: workload.ends(messages)},
            as_of=None,
            rules=workload.RULES,
            fingerprint=rulefile.parse(workload.RULES).fingerprint,
        )
        return open_generation(self._job.generations, number).manifest, manifest
