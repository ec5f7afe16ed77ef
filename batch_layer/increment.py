"""A run over what is new: the facts since the last generation, and the components that they touch.

1. Facts of new messages and records; who needs a second look, for an age that has passed since.
2. The components that these touch (`identity.touched`), from the records of the last generation, by key.
3. These are joined, named and written by the code of a whole run (`batch_layer.customers`).
4. Tables: what was said of those who are touched goes, what is found now comes. Shards likewise.

Where that cannot be, or would take longer, it says why, and everything is computed (`batch_layer.run`).
See docs/decisions/0018.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import (
    consents,
    customers,
    names,
    outcomes,
    profiles,
    record_consents,
    shards,
    silver,
    touching,
)
from batch_layer.bronze import Bronze
from batch_layer.erasures import ByTenant
from batch_layer.examine import Examiner
from batch_layer.gold import Gold, answers
from batch_layer.leaf import leaf
from batch_layer.publication import publish
from batch_layer.session import arrange
from batch_layer.silver import NOBODY, identifier_of, tenant_of
from batch_layer.sources.loads import LANDED, Loads
from batch_layer.sources.tables import Tables
from batch_layer.touching import MOST, Touching
from identity import Identifier, rulefile
from schemas.generation import Generation, Manifest, Shard

# The tables of a generation that the next one is made from.
_TABLES = (
    "silver/seen",
    "silver/links",
    "silver/consents",
    "gold/identifiers",
    "gold/customers",
    "gold/aliases",
    "gold/refused_links",
    "gold/quarantined",
    "gold/rejects",
    "gold/homes",
    "gold/ids",
)


class Whole(Exception):
    """Why everything has to be computed."""


def check(before: Manifest, manifest: Manifest, loads: Loads, count: int) -> None:
    """Whether the generation of `manifest`, in `count` shards, may be made from `before`. Raises Whole."""
    rules = rulefile.parse(manifest.rules)
    if not before.shards:
        raise Whole("there is no generation yet to build upon")
    needed = (*_TABLES, "silver/claims") if rules.registers or rules.segments else _TABLES
    if missing := [name for name in needed if name not in before.tables]:
        raise Whole(f"generation {before.generation} is of a version that had no {missing[0]}")
    if manifest.fingerprint != before.fingerprint:
        raise Whole("the rules have changed")
    if manifest.erased > before.erased:
        raise Whole("people were erased")
    if len(before.shards) != count:
        raise Whole("the number of shards has changed")
    for load in loads.all():
        others = load.counts.get("replaced") or load.counts.get("ended")
        if before.loads < load.load <= manifest.loads and load.state == LANDED and others:
            raise Whole("records of slow sources were replaced or have ended")


class Increment:
    """The generation of `manifest` from the one before it and from what is new."""

    def __init__(
        self,
        spark: SparkSession,
        before: Generation,
        manifest: Manifest,
        gold: Gold,
        id_key: bytes,
        erased: ByTenant = NOBODY,
    ) -> None:
        self._spark = spark
        self._before = before
        self._manifest = manifest
        self._gold = gold
        self._id_key = id_key
        self._erased = erased
        self._rules = rulefile.parse(manifest.rules)
        self._touching = Touching()
        self._frames: dict[str, DataFrame] = {}

    def prepare(self, bronze: Bronze, records: Tables, progress: Callable[[str], None]) -> None:
        """Find out what is touched. Raises Whole; nothing is written yet."""
        old, new = self._before.manifest, self._manifest
        progress("facts from the log")
        versions = landed = None
        if new.loads != old.loads:
            versions = records.current(new.loads).where(f.col("load") > old.loads)
            # Those before them were ended by then: what these say makes no difference to what they said.
            landed = records.landed(new.loads).where(f.col("load") > old.loads)
        self._messages, self._versions = bronze.since(old.offsets, new.offsets), versions
        self._landed = landed
        self._facts = leaf(silver.all_facts(self._messages, versions, self._rules, self._erased))
        size = self._facts.count()
        _bound(size)
        # What is shuffled from here on is no more than a multiple of that.
        arrange(self._spark, size)
        kinds = (silver.SIGHTING, silver.LINK, silver.SIGN)
        facts = touching.facts_of(self._facts.where(f.col("kind").isin(*kinds)).toArrow().to_pylist())
        as_of = new.as_of
        if as_of is None:
            known = self._read("silver/seen").agg(f.max("last_seen")).collect()[0][0]
            moments = [known, *(one.newest for one in facts.values())]
            as_of = max((moment for moment in moments if moment is not None), default=None)
        progress("who is who")
        again = self._expiring(old.as_of, as_of)
        _bound(size + sum(map(len, again.values())))
        self._manifest = msgspec.structs.replace(new, as_of=as_of)
        self._touching = touching.touching(self._before, facts, again, self._rules, as_of)
        self._touching.number(self._before, self._is_taken)

    def publish(
        self,
        generations: Path,
        bronze: Bronze,
        examiner: Examiner | None,
        progress: Callable[[str], None],
    ) -> Manifest:
        """Write tables and shards, and publish, once it is known what is touched."""
        progress("names")
        ids = self._frame("ids")
        found = leaf(
            customers.of_components(
                self._frame("people"),
                self._frame("ties"),
                self._rules,
                self._manifest.as_of,
                self._id_key,
                self._manifest.generation,
                self._erased,
            )
        )
        progress("tables")
        self._tables(found)
        members = self._gold.written("gold/identifiers").select(
            f.concat_ws("\0", "tenant", "type", "value").alias("x"), f.col("customer_id").alias("customer")
        )
        new = leaf(record_consents.all_statements(self._messages, self._landed, self._rules, self._erased))
        said = leaf(consents.known(self._read("silver/consents")).union(new).distinct())
        self._gold.write_all(
            outcomes.tables(bronze.table(), members, self._rules, self._erased)
            | consents.tables(said, members)
        )
        progress("the new generation")
        residents = customers.part(found, "member").select("x", "code", "first_ingested", "home")
        scattered = names.residents(
            residents.union(self._frame("outside")),
            ids.select(f.col("customer").alias("home"), f.lit(True).alias("scattered")),
            ids,
            self._rules,
        )
        entries = customers.part(found, "entry").union(customers.of_ids(scattered))
        entries = entries.union(consents.entries(said.join(new.select("x").distinct(), "x", "left_semi")))
        entries = entries.union(self._profiles(said, members))
        counts = ("gold/campaigns", "gold/campaign_customers")
        entries = entries.union(outcomes.entries(*map(self._gold.written, counts)))
        # Whose e-mails are another customer's now has no entry.
        former = outcomes.entries(*map(self._read, counts)).withColumn("value", f.lit(None).cast("binary"))
        changes = entries.union(self._frame("gone")).union(former)

        def write(directory: Path) -> list[Shard]:
            return shards.revise(changes, self._before.files(), directory)

        touched = _identifiers(self._frame("people").select("x"))
        manifest = publish(
            generations,
            self._manifest,
            self._gold,
            write,
            lambda: self._counts(found),
            lambda at: examiner and examiner.write(self._gold, self._manifest, at, touched=touched),
        )
        self._spark.catalog.clearCache()
        return manifest

    def _expiring(self, old: int | None, new: int | None) -> Mapping[str, set[Identifier]]:
        """Who was not too old at one moment and is at the other, or has a link of which that holds."""
        again: defaultdict[str, set[Identifier]] = defaultdict(set)
        if old is None or new is None:
            return again  # with nothing known before, nothing can be too old
        if new < old:
            raise Whole("ages are judged at an earlier moment than before")
        ages = {type_: rule.max_age for type_, rule in self._rules.types.items()}
        pairs = {(a, b): self._rules.between(a, b).max_age for a in ages for b in ages}
        for name, columns in (("silver/seen", ["x"]), ("silver/links", ["a", "b"])):
            spans: Iterable[int | None] = ages.values() if len(columns) == 1 else pairs.values()
            windows = [
                f.col("last_seen").between(old - age, new - age - 1) for age in {*spans} if age is not None
            ]
            if not windows or old == new:
                continue
            within = windows[0]
            for window in windows[1:]:
                within = within | window
            rows = self._read(name).where(within).select(*columns, "last_seen").limit(MOST + 1).toArrow()
            _bound(len(rows))
            for *keys, last_seen in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                ends = [identifier_of(key) for key in keys]
                age = ages[ends[0].type] if len(ends) == 1 else pairs[ends[0].type, ends[1].type]
                if age is not None and old <= last_seen + age < new:
                    again[tenant_of(keys[0])].update(ends)
        return again

    def _is_taken(self, numbers: list[int]) -> bool:
        """Whether a component that is not touched has one of these numbers."""
        wanted = self._spark.createDataFrame([(number,) for number in numbers], "component BIGINT")
        found = self._read("gold/customers").join(f.broadcast(wanted), "component", "left_semi")
        former = self._frame("customers")
        return not found.join(f.broadcast(former), ["tenant", "customer_id"], "left_anti").isEmpty()

    def _tables(self, found: DataFrame) -> None:
        members, named = customers.part(found, "member"), customers.part(found, "named")
        people, former = self._frame("people"), self._frame("customers")
        seen, links = self._frame("seen"), self._frame("links")
        dropped = members.where("fault IS NOT NULL").select("x", f.col("fault").alias("reason"))
        quarantined = silver.quarantined(self._facts)
        housed = members.where("home IS NOT NULL").select("x", "home")
        homes = people.select("x", f.col("home").alias("known"))
        moved = housed.join(homes, "x").where("NOT home <=> known")
        left = moved.where("known IS NOT NULL").select("x")
        new = named.where("anchor IS NOT NULL").select(
            "customer", f.lit(self._manifest.generation).cast("bigint"), "first_ingested", "anchor", "counter"
        )
        told = answers(
            members.where("fault IS NULL"),
            named,
            customers.part(found, "refused"),
            dropped.union(quarantined),
            silver.rejects(self._facts),
        )
        touched = _identifiers(people.select("x"))
        ends = touched.select("tenant", f.col("type").alias("a_type"), f.col("value").alias("a_value"))
        gone = {
            "gold/identifiers": touched,
            "gold/customers": former,
            "gold/aliases": former,
            "gold/refused_links": ends,
            "gold/quarantined": touched.union(_identifiers(quarantined.select("x"))),
            "gold/rejects": None,
        }
        self._gold.revise_all(
            self._before.manifest,
            {
                "silver/seen": (seen, seen.select("x")),
                "silver/links": (links, links.select("a", "b")),
                "gold/homes": (moved.select("x", "home"), None if left.isEmpty() else left),
                "gold/ids": (new.toDF(*self._read("gold/ids").columns), None),
                **{name: (rows, gone[name]) for name, rows in told.items()},
            },
        )

    def _profiles(self, said: DataFrame, members: DataFrame) -> DataFrame:
        """Write the tables of profiles and segments; returns the entries of the registers, `key, value`."""
        before = self._before.manifest
        new = profiles.all_claims(self._messages, self._versions, self._rules, self._erased)
        told = profiles.more(self._read("silver/claims"), new)
        return profiles.written(self._gold, before, told, said, members, self._rules, self._manifest.as_of)

    def _counts(self, found: DataFrame) -> dict[str, int]:
        counts, named = self._before.manifest.counts, customers.part(found, "named")
        made = named.count()
        return {
            "identifiers": counts["identifiers"] + self._touching.found,
            "customers": counts["customers"] + made - len(self._touching.rows["customers"]),
            "new_customers": named.where("anchor IS NOT NULL").count(),
            "rejects": counts["rejects"] + silver.rejects(self._facts).count(),
        }

    def _frame(self, name: str) -> DataFrame:
        if name not in self._frames:
            self._frames[name] = self._touching.frame(self._spark, name)
        return self._frames[name]

    def _read(self, name: str) -> DataFrame:
        return self._gold.before(name, self._before.manifest)


def _bound(size: int) -> None:
    if size > MOST:
        raise Whole(f"more than {MOST:,} facts are new or have become too old")


def _identifiers(keys: DataFrame) -> DataFrame:
    """Tenant, type and value of identifiers `x`."""
    parts = f.split("x", "\0", 3)
    return keys.select(parts[0].alias("tenant"), parts[1].alias("type"), parts[2].alias("value"))
