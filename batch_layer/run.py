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
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import graph, names, shards, silver
from batch_layer.alone import alone
from batch_layer.bronze import Bronze
from batch_layer.gold import HOMES, IDS, Gold
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import rulefile
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
        seen = silver.seen(facts).persist()
        links = self._gold.write("silver/links", silver.links(facts))
        as_of = self._manifest.as_of
        if as_of is None:
            newest = seen.agg(f.max("last_seen")).first()
            as_of = newest[0] if newest is not None else None
        self._progress("who is who")
        screened = graph.screen(seen, links, self._rules, as_of).persist()
        owned = graph.own(screened, self._rules, as_of).persist()
        groups, refused = graph.join_components(screened, owned, self._rules)
        self._progress("names")
        named, homes, ids = self._name(groups, seen)
        self._progress("tables")
        self._tables(facts, screened, groups, refused, named)
        self._progress("the new generation")
        minted = (
            ids.select(f.col("anchor").alias("x"), "first_ingested").groupBy("x", "first_ingested").count()
        )
        placed = (
            seen.select("x", "first_ingested")
            .join(shards.standing(groups, named, refused), "x", "left")
            .join(homes, "x", "left")
            .join(minted, ["x", "first_ingested"], "left")
            .withColumn("minted", f.coalesce("count", f.lit(0)))
            .drop("first_ingested", "count")
        )
        entries = (
            shards.nodes(screened, owned, placed, self._rules, as_of)
            .union(shards.components(groups, named, refused))
            .union(shards.ids(ids, names.territories(homes, seen, self._rules)))
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
                counts=self._counts(facts, seen, named),
                tables=self._gold.versions,
                shards=written,
            )
            builder.publish(manifest)
        self._job.spark.catalog.clearCache()
        return manifest

    def _name(self, groups: DataFrame, seen: DataFrame) -> tuple[DataFrame, DataFrame, DataFrame]:
        homes = self._gold.read("gold/homes", HOMES, self._before)
        ids = self._gold.read("gold/ids", IDS, self._before)
        territory = names.territories(homes, seen, self._rules)
        named = names.name(groups, seen, territory, ids, self._job.id_key).persist()
        new = named.where("anchor IS NOT NULL").select(
            "customer", f.lit(self._manifest.generation).cast("bigint"), "first_ingested", "anchor", "counter"
        )
        homes = self._gold.write("gold/homes", names.new_homes(groups, named, homes))
        return named, homes, self._gold.write("gold/ids", ids.union(new))

    def _tables(
        self, facts: DataFrame, screened: DataFrame, groups: DataFrame, refused: DataFrame, named: DataFrame
    ) -> None:
        customers = groups.join(named, "group")
        sizes = customers.groupBy("customer").agg(
            f.count("*").alias("identifiers"), f.first("aliases").alias("aliases")
        )
        dropped = screened.where("z IS NULL AND fault IS NOT NULL").select(
            "x", f.col("fault").alias("reason")
        )
        self._gold.write_all(
            {
                "gold/identifiers": customers.select("x", "customer"),
                "gold/customers": sizes,
                "gold/refused_links": refused.select("a", "b", "reason"),
                "gold/quarantined": dropped.union(silver.quarantined(facts)),
                "gold/rejects": silver.rejects(facts),
            }
        )

    def _counts(self, facts: DataFrame, seen: DataFrame, named: DataFrame) -> dict[str, int]:
        return {
            "identifiers": seen.count(),
            "customers": named.count(),
            "new_customers": named.where("anchor IS NOT NULL").count(),
            "rejects": silver.rejects(facts).count(),
        }
