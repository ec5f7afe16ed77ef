"""One run: land, rebuild, publish.

1. Land what is new in Kafka in bronze; this fixes the cut-off O(g). From here on only what is new is looked
   at, where that is possible (`batch_layer.increment`); else
2. Facts (silver) from all of bronze, the log's messages and the records of slow sources; the graph from the
   facts, names from the last generation's.
3. Write the tables, then the shards of the new generation; publish it.

Killed before the publication, a run leaves readers where they are, and the next one does all that this
would have done. Two runs at once: the second waits for the first.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import SparkSession

from batch_layer import (
    erasures,
    profiles,
    record_consents,
)
from batch_layer.alone import alone
from batch_layer.bronze import Bronze
from batch_layer.examine import Examiner, Phases, Watching, tables
from batch_layer.gold import Gold
from batch_layer.increment import Increment, Whole, check
from batch_layer.leaf import leaf
from batch_layer.maintenance import Keep, tidy
from batch_layer.parity import Looking
from batch_layer.purge import Purge
from batch_layer.rebuild import Rebuild
from batch_layer.said_parity import Said
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import rulefile
from schemas import Erasure
from schemas.generation import Generation, Manifest, Offsets, numbers, open_generation, wanted
from schemas.ledger import Ledger, by_tenant

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

# The first thing that a run reports; when it reports the next, the cut-off is fixed.
LANDING = "landing the log"


@dataclass(frozen=True)
class Run:
    """What a run needs to know.

    `kafka` is the bootstrap servers, `kafka_settings` more of librdkafka's settings and
    `spark_kafka_settings` the same ones as Spark's Java client calls them; `delta` and `generations` are
    directories that all executors share; `partitions` says how many each topic of the log has. `shards`
    is the number of files of a generation. `look` looks at the view that readers stand on, for parity;
    `settle` puts into the log what takes the place of an erasure that no generation needs any more;
    `keep` says what a run leaves of what is old, None: all of it.
    """

    spark: SparkSession
    kafka: str
    delta: Path
    generations: Path
    id_key: bytes = field(repr=False)
    partitions: Mapping[str, int]
    kafka_settings: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a password
    spark_kafka_settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    shards: int = 4
    look: Looking | None = None
    settle: Callable[[list[Erasure]], None] | None = None
    keep: Keep | None = None

    def bronze(self) -> Bronze:
        """The log, in Kafka and landed."""
        return Bronze(
            self.spark,
            self.delta,
            self.kafka,
            self.partitions,
            self.kafka_settings,
            self.spark_kafka_settings,
        )

    def ledger(self) -> Ledger:
        """All erasures up to now. Raises KafkaException."""
        return erasures.read(self.kafka, self.kafka_settings, self.id_key)


def run(
    job: Run,
    *,
    rules: str | None = None,
    as_of: int | None = None,
    full: bool = False,
    wait: bool = True,
    progress: Progress = log.info,
) -> Manifest:
    """Run once; returns the manifest of the published generation.

    It computes what new facts touch where that is possible (`batch_layer.increment`), unless `full`.

    `rules` (YAML text) replaces those of the last generation. `as_of` (microseconds) is the moment at
    which ages are judged; left out, it is the newest event time of the log, so that a run is a function of
    the log alone. Without `wait` it raises Busy where another run is at work. Raises RuleError,
    BrokenGeneration, and what Spark raises.
    """
    with alone(job.generations, ".lock", wait=wait):
        before = _before(job.generations)
        text = rules if rules is not None else before.manifest.rules
        phases = Phases(progress)
        phases(LANDING)
        bronze = job.bronze()
        offsets = bronze.land()
        # After the cut-off is fixed: every erasure that is older than an event which counts is known.
        ledger = job.ledger()
        # What is loaded from here on is for the next run.
        loads = Loads(job.delta).last
        manifest = Manifest(
            # A number is given once, also where readers were led back to an older generation.
            generation=numbers(job.generations)[-1] + 1,
            offsets=offsets,
            loads=loads,
            erased=erasures.newest(ledger.tombstones),
            as_of=as_of,
            rules=text,
            fingerprint=rulefile.parse(text).fingerprint,
        )
        if ledger.tombstones:
            phases("erasing")
            _purge(job, ledger, text, before.manifest.erased)
        with Watching(job.look, offsets, job.delta) as watching:
            former = tables(job.spark, job.delta, before.manifest)
            examiner = Examiner(
                job.spark, job.delta, job.generations, bronze, before.manifest, phases, watching, former
            )
            why = "as was asked for"
            try:
                made = None if full else _increment(job, before, manifest, phases, examiner, ledger)
            except Whole as reason:
                why, made = str(reason), None
            manifest = made or _whole(job, before.manifest, manifest, phases, examiner, why, ledger)
        if job.keep is not None:
            progress("tidying up")
            tidy(job.spark, job.delta, job.generations, job.keep)
        if job.settle is not None and (done := erasures.settled(ledger, job.generations)):
            job.settle(done)
        return manifest


def rehearse(
    job: Run, scratch: Path, *, offsets: Offsets, rules: str | None = None, progress: Progress = log.info
) -> tuple[Manifest, Gold]:
    """What a run on all messages below `offsets` would find; nothing lands, and nothing is published.

    `rules` (YAML text) are other rules than those in use. Records of slow sources, and the moment at which
    ages are judged, are those of the generation in use. The tables go below `scratch`, a directory that all
    executors share. Raises what `run` raises.
    """
    before = _before(job.generations).manifest
    text = rules if rules is not None else before.rules
    manifest = Manifest(
        generation=before.generation + 1,
        offsets=offsets,
        loads=before.loads,
        as_of=before.as_of,
        rules=text,
        fingerprint=rulefile.parse(text).fingerprint,
    )
    gold = Gold(job.spark, job.delta, scratch)
    made = Rebuild(job.spark, before, manifest, gold, job.id_key, job.ledger().tombstones)
    made.resolve(job.bronze().below(offsets), Tables(job.spark, job.delta), progress)
    job.spark.catalog.clearCache()
    return manifest, gold


def said_below(job: Run, manifest: Manifest) -> Said:
    """What all messages below the offsets of a manifest, and its records, say; no table is written."""
    bronze, rules = job.bronze().below(manifest.offsets), rulefile.parse(manifest.rules)
    erased, sources, loads = job.ledger().tombstones, Tables(job.spark, job.delta), manifest.loads
    records, landed = (sources.current(loads), sources.landed(loads)) if loads else (None, None)
    claims = profiles.all_claims(bronze, records, rules, erased)
    return Said(leaf(claims), leaf(record_consents.all_statements(bronze, landed, rules, erased)))


def rebuild(job: Run, before: Manifest, manifest: Manifest, progress: Progress = log.info) -> Manifest:
    """All that follows the landing: make and publish the generation of `manifest` from what is in bronze.

    The caller holds the lock. Returns the manifest with what was found out. Raises as `run` does.
    """
    return _whole(job, before, manifest, progress)


def increment(job: Run, before: Manifest, manifest: Manifest, progress: Progress = log.info) -> Manifest:
    """The same from the generation of `before` and what is new in bronze. Raises Whole where it cannot be."""
    generation = open_generation(job.generations, before.generation)
    return _increment(job, generation, manifest, progress)


def _increment(
    job: Run,
    before: Generation,
    manifest: Manifest,
    progress: Progress,
    examiner: Examiner | None = None,
    ledger: Ledger | None = None,
) -> Manifest:
    check(before.manifest, manifest, Loads(job.delta), job.shards)
    bronze, gold = job.bronze(), Gold(job.spark, job.delta)
    made = Increment(job.spark, before, manifest, gold, job.id_key, _tombstones(ledger))
    made.prepare(bronze, Tables(job.spark, job.delta), progress)
    return made.publish(job.generations, bronze, examiner, progress)


def _whole(
    job: Run,
    before: Manifest,
    manifest: Manifest,
    progress: Progress,
    examiner: Examiner | None = None,
    why: str | None = None,
    ledger: Ledger | None = None,
) -> Manifest:
    gold = Gold(job.spark, job.delta)
    made = Rebuild(job.spark, before, manifest, gold, job.id_key, _tombstones(ledger))
    made.resolve(job.bronze().table(), Tables(job.spark, job.delta), progress)
    told = made.publish(job.generations, job.shards, examiner, why, progress)
    job.spark.catalog.clearCache()
    return told


def _purge(job: Run, ledger: Ledger, rules: str, since: int) -> None:
    new = [request for request in ledger.requests.values() if request.through > since]
    values = {tenant: sorted({x.value for x in whom}) for tenant, whom in by_tenant(new).items()}
    Purge(job.spark, job.delta, rulefile.parse(rules), ledger.tombstones, values, since).run()


def _tombstones(ledger: Ledger | None) -> erasures.ByTenant:
    return ledger.tombstones if ledger is not None else {}


def _before(generations: Path) -> Generation:
    """The generation that the next one is built upon: the one that readers are meant to stand on."""
    number = wanted(generations)
    if number is None:
        raise FileNotFoundError(
            f"no generation in {generations} to begin from: run 'ucid begin --rules FILE' first"
        )
    return open_generation(generations, number)
