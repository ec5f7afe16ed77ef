"""The whole graph, from all of bronze: facts, who is who, names; then tables, and a generation of them.

Names are the last generation's, by its homes and ids; all else is made from the log and the records of slow
sources alone, so it mends whatever went wrong before.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import (
    components,
    consents,
    customers,
    erasures,
    graph,
    names,
    outcomes,
    profiles,
    record_consents,
    shards,
    silver,
)
from batch_layer.erasures import ByTenant
from batch_layer.examine import Examiner
from batch_layer.gold import HOMES, IDS, Gold, answers
from batch_layer.leaf import leaf
from batch_layer.numbers import Number, is_ambiguous, number
from batch_layer.publication import publish
from batch_layer.session import arrange, shuffle_tasks
from batch_layer.silver import NOBODY
from batch_layer.sources.tables import Tables
from identity import rulefile
from schemas.generation import Manifest


class Rebuild:
    """The generation of `manifest`, with names from that of `before`. First `resolve`, then the others."""

    def __init__(
        self,
        spark: SparkSession,
        before: Manifest,
        manifest: Manifest,
        gold: Gold,
        id_key: bytes,
        erased: ByTenant = NOBODY,
    ) -> None:
        """Nothing of what was taken in of the `erased`, tombstones by tenant, counts."""
        self._spark = spark
        self._before = before
        self._manifest = manifest
        self._rules = rulefile.parse(manifest.rules)
        self._gold = gold
        self._id_key = id_key
        self._erased = erased

    def resolve(self, bronze: DataFrame, sources: Tables, progress: Callable[[str], None]) -> None:
        """Find out who is who, and write the tables that say so."""
        progress("facts from the log")
        loads = self._manifest.loads
        self._bronze = bronze
        self._records = sources.current(loads) if loads else None
        self._landed = sources.landed(loads) if loads else None
        facts = self._facts = leaf(silver.all_facts(bronze, self._records, self._rules, self._erased))
        arrange(self._spark, facts.count())
        known, of = self._numbered(facts)
        self._known = known
        half = leaf(silver.halves(facts, of, list(self._rules.types)).sortWithinPartitions("xi"))
        as_of = self._manifest.as_of
        if as_of is None:
            newest = known.agg(f.max("last_seen")).first()
            as_of = newest[0] if newest is not None else None
        self._as_of = as_of
        progress("who is who")
        screened = leaf(graph.screen(known, half, self._rules, as_of))
        exceptions = leaf(graph.exceptions(graph.lost(screened, self._rules, as_of)))
        live = half.where("lead").join(exceptions, ["xi", "zi"], "left_anti").select("xi", "zi")
        root = leaf(components.roots(live, shuffle_tasks(self._spark)))
        faults = screened.where("z IS NULL AND fault IS NOT NULL").select("xi", "fault")
        placed = _rooted(known.join(faults, "xi", "left"), root)
        progress("names")
        ids = self._gold.read("gold/ids", IDS, self._before)
        self._territory = leaf(names.territories(placed, self._rules))
        self._found = leaf(
            customers.of_components(
                placed.join(names.held(self._territory, ids), "xi", "left"),
                _rooted(half.join(exceptions, ["xi", "zi"], "left"), root),
                self._rules,
                as_of,
                self._id_key,
                self._manifest.generation,
                self._erased,
            )
        )
        progress("tables")
        self._ids = self._tables(half, ids)

    def publish(
        self,
        generations: Path,
        count_: int,
        examiner: Examiner | None,
        whole: str | None,
        progress: Callable[[str], None],
    ) -> Manifest:
        """Write what is said of customers, and so many shards, and publish.

        `whole` says why all of it was computed. Returns the manifest with what was found out.
        """
        members = self._part("member")
        living = members.where("fault IS NULL").select("x", "customer")
        said = leaf(record_consents.all_statements(self._bronze, self._landed, self._rules, self._erased))
        emails = outcomes.tables(self._bronze, living, self._rules, self._erased)
        self._gold.write_all(emails | consents.tables(said, living))
        progress("the new generation")
        scattered = names.residents(members, self._territory, self._ids, self._rules)
        claims = profiles.all_claims(self._bronze, self._records, self._rules, self._erased)
        counted = map(self._gold.written, ("gold/campaigns", "gold/campaign_customers"))
        entries = self._part("entry").union(customers.of_ids(scattered))
        entries = entries.union(consents.entries(said)).union(outcomes.entries(*counted))
        entries = entries.union(
            profiles.written(self._gold, self._before, claims, said, living, self._rules, self._as_of)
        )
        told = msgspec.structs.replace(self._manifest, as_of=self._as_of)
        return publish(
            generations,
            told,
            self._gold,
            lambda directory: shards.write(entries, directory, count_),
            self._counts,
            lambda directory: examiner and examiner.write(self._gold, told, directory, whole=whole),
        )

    def _part(self, name: str) -> DataFrame:
        return customers.part(self._found, name)

    def _numbered(self, facts: DataFrame) -> tuple[DataFrame, Number]:
        """Every identifier with what the last generation says of it, and its number."""
        homes = self._homes()
        ids = self._gold.read("gold/ids", IDS, self._before)
        for seed in count():
            of = number(seed)
            seen = silver.seen(facts, of, list(self._rules.types))
            known = silver.signed(names.minted(names.homes(seen, homes, of), ids, of), facts, of, self._rules)
            known = leaf(known.sortWithinPartitions("xi"))
            if not is_ambiguous(known):
                return known, of
        raise AssertionError("there is always another seed")

    def _homes(self) -> DataFrame:
        homes = self._gold.read("gold/homes", HOMES, self._before)
        return erasures.homes_left(homes, self._erased, self._before.erased)

    def _tables(self, half: DataFrame, ids: DataFrame) -> DataFrame:
        """Write all tables of who is who; returns the ids, with the new ones."""
        homes = self._homes()
        ids = erasures.ids_masked(ids, self._erased)
        members, named = self._part("member"), self._part("named")
        new = named.where("anchor IS NOT NULL").select(
            "customer", f.lit(self._manifest.generation).cast("bigint"), "first_ingested", "anchor", "counter"
        )
        gone = homes.join(members.select("x"), "x", "left_anti")
        dropped = members.where("fault IS NOT NULL").select("x", f.col("fault").alias("reason"))
        dropped = dropped.union(silver.quarantined(self._facts))
        refused, rejects = self._part("refused"), silver.rejects(self._facts)
        self._gold.write_all(
            {
                "silver/seen": self._known.select("x", *silver.TIMES),
                "silver/links": silver.links(half),
                "gold/homes": members.where("home IS NOT NULL").select("x", "home").union(gone),
                "gold/ids": ids.union(new),
                **answers(members.where("fault IS NULL"), named, refused, dropped, rejects),
            }
        )
        return ids.union(new)

    def _counts(self) -> dict[str, int]:
        named = self._part("named")
        return {
            "identifiers": self._known.count(),
            "customers": named.count(),
            "new_customers": named.where("anchor IS NOT NULL").count(),
            "rejects": silver.rejects(self._facts).count(),
        }


def _rooted(frame: DataFrame, root: DataFrame) -> DataFrame:
    """With the `root` of each `xi`; who has no live link is a component of his own."""
    return frame.join(root, "xi", "left").withColumn("root", f.coalesce("root", "xi"))
