"""One run: land, rebuild, publish.

1. Land what is new in Kafka in bronze; this fixes the cut-off O(g).
2. Facts (silver) from all of bronze, the log's messages and the records of slow sources; the graph from the
   facts, names from the last generation's.
3. Write the tables, then the shards of the new generation; publish it.

Killed before the publication, a run leaves readers where they are, and the next one does all that this
would have done. Two runs at once: the second waits for the first.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import components, customers, graph, names, shards, silver
from batch_layer.alone import alone
from batch_layer.bronze import Bronze
from batch_layer.gold import HOMES, IDS, Gold
from batch_layer.numbers import Number, is_ambiguous, number
from batch_layer.session import arrange
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import Verdict, rulefile
from schemas.generation import Builder, Generation, Manifest, numbers, open_generation

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
    is the number of files of a generation.
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


def run(
    job: Run, *, rules: str | None = None, as_of: int | None = None, progress: Progress = log.info
) -> Manifest:
    """Run once; returns the manifest of the published generation.

    `rules` (YAML text) replaces those of the last generation. `as_of` (microseconds) is the moment at
    which ages are judged; left out, it is the newest event time of the log, so that a run is a function of
    the log alone. Raises RuleError, BrokenGeneration, and what Spark raises.
    """
    with alone(job.generations, ".lock"):
        before = _newest(job.generations)
        text = rules if rules is not None else before.manifest.rules
        progress(LANDING)
        bronze = Bronze(job.spark, job.delta)
        offsets = bronze.land(job.kafka, job.partitions, job.kafka_settings, job.spark_kafka_settings)
        # What is loaded from here on is for the next run.
        loads = Loads(job.delta).last
        manifest = Manifest(
            generation=before.number + 1,
            offsets=offsets,
            loads=loads,
            as_of=as_of,
            rules=text,
            fingerprint=rulefile.parse(text).fingerprint,
        )
        return rebuild(job, before.manifest, manifest, progress)


def rebuild(job: Run, before: Manifest, manifest: Manifest, progress: Progress = log.info) -> Manifest:
    """All that follows the landing: make and publish the generation of `manifest` from what is in bronze.

    The caller holds the lock. Returns the manifest with what was found out. Raises as `run` does.
    """
    bronze = Bronze(job.spark, job.delta).table()
    records = Tables(job.spark, job.delta).current(manifest.loads)
    return _Rebuild(job, before, manifest, progress).publish(bronze, records)


def _newest(generations: Path) -> Generation:
    known = numbers(generations)
    if not known:
        raise FileNotFoundError(
            f"no generation in {generations} to begin from: run 'ucid up --rules FILE' first"
        )
    return open_generation(generations, known[-1])


class _Rebuild:
    """The whole graph from bronze, once."""

    def __init__(self, job: Run, before: Manifest, manifest: Manifest, progress: Progress) -> None:
        self._job = job
        self._before = before
        self._manifest = manifest
        self._rules = rulefile.parse(manifest.rules)
        self._progress = progress
        self._gold = Gold(job.spark, job.delta)

    def publish(self, bronze: DataFrame, records: DataFrame) -> Manifest:
        self._progress("facts from the log")
        facts = silver.facts(bronze, self._rules)
        if self._manifest.loads:
            facts = facts.union(silver.record_facts(records, self._rules))
        facts = facts.persist()
        arrange(self._job.spark, facts.count())
        known, number = self._known(facts)
        half = silver.halves(facts, number, list(self._rules.types)).sortWithinPartitions("xi").persist()
        as_of = self._manifest.as_of
        if as_of is None:
            newest = known.agg(f.max("last_seen")).first()
            as_of = newest[0] if newest is not None else None
        self._progress("who is who")
        screened = graph.screen(known, half, self._rules, as_of).persist()
        exceptions = graph.exceptions(graph.lost(screened, self._rules, as_of)).persist()
        faults = screened.where("z IS NULL AND fault IS NOT NULL").select("xi", "fault")
        found = self._customers(known, half, exceptions, faults).persist()
        whole = (
            known.withColumnsRenamed({"home": "former", "minted": "before"})
            .join(customers.part(found, "member"), "xi", "left")
            .join(faults, "xi", "left")
            .withColumn("home", f.coalesce("home", "former"))
            .withColumn("minted", f.coalesce("minted", "before"))
            .persist()
        )
        self._progress("tables")
        ids = self._tables(facts, half, found, whole)
        self._progress("the new generation")
        entries = (
            shards.nodes(whole, half, exceptions, self._rules, as_of)
            .union(customers.part(found, "record"))
            .union(shards.ids(ids, names.residents(whole, self._rules)))
        )
        with Builder(self._job.generations, self._manifest.generation) as builder:
            written = shards.write(entries, builder.directory, self._job.shards)
            manifest = Manifest(
                generation=self._manifest.generation,
                offsets=self._manifest.offsets,
                loads=self._manifest.loads,
                as_of=as_of,
                rules=self._manifest.rules,
                fingerprint=self._manifest.fingerprint,
                counts=self._counts(facts, known, found),
                tables=self._gold.versions,
                shards=written,
            )
            builder.publish(manifest)
        self._job.spark.catalog.clearCache()
        return manifest

    def _known(self, facts: DataFrame) -> tuple[DataFrame, Number]:
        """Every identifier with what the last generation says of it, and its number."""
        homes = self._gold.read("gold/homes", HOMES, self._before)
        ids = self._gold.read("gold/ids", IDS, self._before)
        for seed in count():
            of = number(seed)
            seen = silver.seen(facts, of, list(self._rules.types))
            known = names.minted(names.homes(seen, homes, of), ids, of).sortWithinPartitions("xi").persist()
            if not is_ambiguous(known):
                return known, of
            known.unpersist()
        raise AssertionError("there is always another seed")

    def _customers(
        self, known: DataFrame, half: DataFrame, exceptions: DataFrame, faults: DataFrame
    ) -> DataFrame:
        """Steps 3 and 4."""
        ids = self._gold.read("gold/ids", IDS, self._before)
        leading = half.where("lead")
        live = leading.join(exceptions, ["xi", "zi"], "left_anti")
        tasks = int(self._job.spark.conf.get("spark.sql.shuffle.partitions") or 1)
        root = components.roots(live.select("xi", "zi"), tasks)
        living = known.join(faults, "xi", "left_anti")
        members = (
            living.join(root, "xi", "left")
            .join(names.keepers(living, ids, self._rules), "xi", "left")
            .withColumn("root", f.coalesce("root", "xi"))
            .persist()
        )
        foes = leading.where(f.col("verdict") == int(Verdict.CANNOT))
        open_ = customers.contested(members, foes.select("xi", "zi"), self._rules)
        contested = members.select("xi", "root").join(open_, "root", "left_semi")
        ties = live.unionByName(foes).join(contested, "xi")
        return customers.customers(members, ties, self._rules, self._job.id_key)

    def _tables(self, facts: DataFrame, half: DataFrame, found: DataFrame, whole: DataFrame) -> DataFrame:
        """Write all tables; returns `gold/ids`."""
        homes = self._gold.read("gold/homes", HOMES, self._before)
        ids = self._gold.read("gold/ids", IDS, self._before)
        named = customers.part(found, "named")
        new = named.where("anchor IS NOT NULL").select(
            "customer", f.lit(self._manifest.generation).cast("bigint"), "first_ingested", "anchor", "counter"
        )
        gone = homes.join(whole.select("x"), "x", "left_anti")
        self._gold.write_all(
            {
                "silver/links": silver.links(half),
                "gold/homes": whole.where("home IS NOT NULL").select("x", "home").union(gone),
                "gold/ids": ids.union(new),
                "gold/identifiers": whole.where("customer IS NOT NULL").select("x", "customer"),
                "gold/customers": named.select("customer", "identifiers", "aliases"),
                "gold/refused_links": customers.part(found, "refused").select("a", "b", "reason"),
                "gold/quarantined": whole.where("fault IS NOT NULL")
                .select("x", f.col("fault").alias("reason"))
                .union(silver.quarantined(facts)),
                "gold/rejects": silver.rejects(facts),
            }
        )
        return ids.union(new)

    def _counts(self, facts: DataFrame, known: DataFrame, found: DataFrame) -> dict[str, int]:
        named = customers.part(found, "named")
        return {
            "identifiers": known.count(),
            "customers": named.count(),
            "new_customers": named.where("anchor IS NOT NULL").count(),
            "rejects": silver.rejects(facts).count(),
        }
