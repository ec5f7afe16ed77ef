"""The catalogue: which source feeds which identifiers and attributes, how much of it is good, and how fresh.

Made when it is asked for, of what has landed and of the rules in use, by the code that every run uses: so it
says what the next run will make of each source. It counts and names; no value of anybody is in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from batch_layer.run import Run
from batch_layer.sources.tables import Tables
from identity import Observer, Rules, UnknownTypeError, rulefile
from identity.profile import claims
from schemas import EMAIL, WEB, Malformed
from schemas.absorb import accept
from schemas.claims import source_of
from schemas.events import Consent, Decision, kind_of
from schemas.generation import open_generation, wanted

Kind = Literal["source", "identifier", "attribute"]
Use = Literal["identifier", "profile", "match key", "none"]

# A type or attribute that is named by more sources than people would read is named by faulty ones.
MOST_NAMES: Final = 1_000

_COUNTED = pa.schema(
    [
        *((name, pa.string()) for name in ("tenant", "source", "kind", "name")),
        *((name, pa.int64()) for name in ("said", "wrong", "newest")),
    ]
)


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of one identifier type or attribute.

    `said` is how often, `wrong` how often it was blocked or invalid, `newest` when it was last taken in
    (microseconds). `personal` is null for what is not used: nobody has said.
    """

    name: str
    used: list[Use]
    personal: bool | None
    said: int
    wrong: int
    newest: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source: how many events or records it has, how many of them were refused, and what it feeds."""

    tenant: str
    name: str
    said: int
    wrong: int
    newest: int
    identifiers: list[Fed]
    attributes: list[Fed]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All sources, by tenant and name, under the rules of a generation."""

    generation: int
    fingerprint: str
    sources: list[Source]


class _Counts:
    """How much was said, was wrong, and when last, by tenant, source, kind and name."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[str, str, Kind, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def note(self, tenant: str, source: str, kind: Kind, name: str, at: int, *, wrong: bool) -> None:
        counts = self._found[tenant, source, kind, name]
        counts[0] += 1
        counts[1] += wrong
        counts[2] = max(counts[2], at)

    def rows(self) -> Iterator[Row]:
        return ((*key, *counts) for key, counts in self._found.items())


class _Reader:
    """Counts what one event or record says."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._observer = Observer(rules)
        self.counts = _Counts()

    def read(
        self, tenant: str, source: str, identifiers: dict[str, list[str]], said: dict[str, str], at: int
    ) -> None:
        note = self.counts.note
        screened = []
        try:
            screened = self._observer.screened(identifiers)
            note(tenant, source, "source", "", at, wrong=False)
        except UnknownTypeError:
            note(tenant, source, "source", "", at, wrong=True)
        for x, fault in screened:
            note(tenant, source, "identifier", x.type, at, wrong=fault is not None)
        faults = {told.attribute for told in claims(self._rules, said, source, "", at, at) if told.fault}
        for name in said:
            note(tenant, source, "attribute", name, at, wrong=name in faults)


def catalogue(job: Run) -> Catalogue:
    """The catalogue under the rules in use. Raises FileNotFoundError where there is no generation."""
    number = wanted(job.generations)
    if number is None:
        raise FileNotFoundError(f"no generation in {job.generations}: run 'ucid up --rules FILE' first")
    manifest = open_generation(job.generations, number).manifest
    rules = rulefile.parse(manifest.rules)
    counted = of_events(job.bronze().table(), rules)
    if manifest.loads:
        tables = Tables(job.spark, job.delta)
        counted = counted.union(of_records(tables.current(manifest.loads), rules))
        counted = counted.union(_rejected(tables, manifest.loads))
    sums = (f.sum(name).alias(name) for name in ("said", "wrong"))
    merged = counted.groupBy("tenant", "source", "kind", "name").agg(*sums, f.max("newest").alias("newest"))
    sources = _sources([tuple(row) for row in merged.collect()], rules)
    return Catalogue(generation=number, fingerprint=manifest.fingerprint, sources=sources)


def of_events(bronze: DataFrame, rules: Rules) -> DataFrame:
    """What web and e-mail events say, in rows that are yet to be added up."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        reader = _Reader(rules)
        for topic, value, ingested_at in rows:
            try:
                event = accept(topic, value, ingested_at)
            except Malformed:
                # Whose it is cannot be told of what cannot be read.
                named = "email" if topic == EMAIL else "web"
                reader.counts.note("", named, "source", "", ingested_at, wrong=True)
                continue
            assert not isinstance(event, Consent | Decision), "these topics carry none"
            source = source_of(kind_of(event), event)
            reader.read(event.tenant, source, event.identifiers, event.properties, ingested_at)
        yield from reader.counts.rows()

    messages = bronze.where(f.col("topic").isin(WEB, EMAIL)).select("topic", "value", "ingested_at")
    return map_rows(messages, step, _COUNTED)


def of_records(records: DataFrame, rules: Rules) -> DataFrame:
    """What the records of slow sources say that stand, likewise."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        reader = _Reader(rules)
        for tenant, source, ingested_at, identifiers, attributes in rows:
            reader.read(tenant, source, dict(identifiers), dict(attributes or ()), ingested_at)
        yield from reader.counts.rows()

    columns = ("tenant", "source", "ingested_at", "identifiers", "attributes")
    return map_rows(records.select(*columns), step, _COUNTED)


def _rejected(tables: Tables, last: int) -> DataFrame:
    """The rows that slow sources' last loads refused."""
    rejects = tables.rejects(*range(1, last + 1)).where("rejected")
    newest = rejects.groupBy("tenant", "source").agg(f.max("load").alias("load"))
    once = rejects.join(newest, ["tenant", "source", "load"]).select("tenant", "source", "row").distinct()
    counted = once.groupBy("tenant", "source").agg(f.count("*").alias("wrong"))
    return counted.select(
        "tenant",
        "source",
        f.lit("source").alias("kind"),
        f.lit("").alias("name"),
        f.col("wrong").alias("said"),
        "wrong",
        f.lit(0).cast("bigint").alias("newest"),
    )


def _sources(rows: Iterable[Row], rules: Rules) -> list[Source]:
    wholes: dict[tuple[str, str], Row] = {}
    parts: defaultdict[tuple[str, str, str], list[Fed]] = defaultdict(list)
    for tenant, source, kind, name, said, wrong, newest in sorted(rows):
        if kind == "source":
            wholes[tenant, source] = (said, wrong, newest)
            continue
        used = _uses(rules, source, kind, name)
        some = parts[tenant, source, kind]
        if len(some) < MOST_NAMES:
            personal = _personal(rules, used, name)
            some.append(Fed(name=name, used=used, personal=personal, said=said, wrong=wrong, newest=newest))
    return [
        Source(
            tenant=tenant,
            name=source,
            said=said,
            wrong=wrong,
            newest=newest,
            identifiers=parts[tenant, source, "identifier"],
            attributes=parts[tenant, source, "attribute"],
        )
        for (tenant, source), (said, wrong, newest) in wholes.items()
    ]


def _uses(rules: Rules, source: str, kind: str, name: str) -> list[Use]:
    if kind == "identifier":
        return ["identifier"]
    rule = rules.profile.get(name)
    uses: list[Use] = ["profile"] if rule is not None and rule.takes(source) else []
    if any(name in key.made_from for key in rules.match_keys):
        uses.append("match key")
    return uses or ["none"]


def _personal(rules: Rules, used: list[Use], name: str) -> bool | None:
    """Identifiers are personal data, and so is what match keys are made of."""
    if used == ["none"]:
        return None
    return used != ["profile"] or rules.profile[name].personal
