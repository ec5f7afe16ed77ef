"""Silver: bronze as facts, by the same code that the stream uses.

Each task merges the facts of its own rows first, so little is shuffled; what is left merges by minimum
and maximum, which Spark does itself. Identifiers travel as one string, tenant, type and value with a
NUL between (`key_of`), which sorts as the tuple does.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from types import MappingProxyType

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from batch_layer.numbers import Number, code_of
from batch_layer.rows import Row, map_groups, map_rows
from identity import Facts, Identifier, Observer, Rules, UnknownTypeError, Verdict, staleness
from identity.facts import NO_WORD, PAST, Failure, Signs, Word
from identity.tombstones import Tombstones
from schemas import Malformed
from schemas.absorb import absorb, accept
from schemas.records import encode_signs

# Stands before a source's name where messages have their topic.
SOURCE = "source:"

TIMES = ("first_seen", "last_seen", "first_ingested")

SIGHTING, LINK, QUARANTINED, REJECT = "sighting", "link", "quarantined", "reject"
SIGN = "sign"  # of life at `last_seen`, or what `reason` says then: a failure, or a word on being joined
_WORDS = {"objection": True, "permission": False}

_FACTS = pa.schema(
    [
        ("kind", pa.string()),
        ("a", pa.string()),
        ("b", pa.string()),
        ("first_seen", pa.int64()),
        ("last_seen", pa.int64()),
        ("first_ingested", pa.int64()),
        ("decided_at", pa.int64()),
        ("verdict", pa.int32()),
        ("reason", pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)
_SIGNED = pa.schema([("xi", pa.int64()), ("signs", pa.binary()), ("stale", pa.int64())])
_NOWHERE = (None, None, None)

# Messages whose facts a task merges before it hands them on: what bounds its memory.
_HELD = 200_000


def key_of(tenant: str, identifier: Identifier) -> str:
    """An identifier as one sortable string."""
    return f"{tenant}\0{identifier.type}\0{identifier.value}"


def identifier_of(key: str) -> Identifier:
    """The identifier in a key."""
    _, type_, value = key.split("\0", 2)
    return Identifier(type_, value)


def tenant_of(key: str) -> str:
    """The tenant in a key."""
    return key.split("\0", 1)[0]


NOBODY: Mapping[str, Tombstones] = MappingProxyType({})


def taken_in(changed_at: int | None, ingested_at: int) -> int:
    """When what a record says was there to be taken in: a late file brings back nobody who was erased."""
    return ingested_at if changed_at is None else min(changed_at, ingested_at)


def all_facts(
    bronze: DataFrame, records: DataFrame | None, rules: Rules, erased: Mapping[str, Tombstones] = NOBODY
) -> DataFrame:
    """The facts of messages and, where there are any, of records of slow sources; see `facts`."""
    found = facts(bronze, rules, erased)
    return found if records is None else found.union(record_facts(records, rules, erased))


def facts(bronze: DataFrame, rules: Rules, erased: Mapping[str, Tombstones] = NOBODY) -> DataFrame:
    """The facts of all messages: partly merged rows of five kinds. `erased` has tombstones by tenant."""
    known = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        tenants: defaultdict[str, Facts] = defaultdict(Facts)
        for count, (topic, partition, offset, ingested_at, value) in enumerate(rows, 1):
            try:
                record = accept(topic, value, ingested_at)
                tenant = record.tenant
                absorb(record, observer, tenants[tenant], ingested_at, known.get(tenant))
            except Malformed as error:
                yield (REJECT, *[None] * 7, str(error), topic, partition, offset)
            if count % _HELD == 0:
                yield from _rows(tenants)
        yield from _rows(tenants)

    columns = bronze.select("topic", "partition", "offset", "ingested_at", "value")
    return map_rows(columns, step, _FACTS)


def record_facts(records: DataFrame, rules: Rules, erased: Mapping[str, Tombstones] = NOBODY) -> DataFrame:
    """The facts of the records that stand, in the same form; a record is an event at its `changed_at`.

    A record whose source does not say when it changed is as old as its load. What is rejected is told by
    its source, as `topic`, and its load, as `offset`.
    """
    known = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        tenants: defaultdict[str, Facts] = defaultdict(Facts)
        for count, row in enumerate(rows, 1):
            tenant, source, load, changed_at, ingested_at, identifiers, attributes = row
            at = ingested_at if changed_at is None else changed_at
            told = taken_in(changed_at, ingested_at)
            said, about = dict(identifiers), dict(attributes or ())
            try:
                observer.observe(tenants[tenant], said, about, at, ingested_at, known.get(tenant), told)
            except UnknownTypeError as error:
                yield (REJECT, *[None] * 7, str(error), f"{SOURCE}{source}", None, load)
            if count % _HELD == 0:
                yield from _rows(tenants)
        yield from _rows(tenants)

    columns = ("tenant", "source", "load", "changed_at", "ingested_at", "identifiers", "attributes")
    return map_rows(records.select(*columns), step, _FACTS)


def _rows(tenants: dict[str, Facts]) -> Iterator[Row]:
    """The facts of each tenant, which are let go."""
    while tenants:
        tenant, found = tenants.popitem()
        for x, seen in found.seen.items():
            yield (SIGHTING, key_of(tenant, x), None, *seen, None, None, None, *_NOWHERE)
        for (a, b), link in found.links.items():
            times = (link.first_seen, link.last_seen, link.first_ingested, link.decided_at, link.verdict)
            yield (LINK, key_of(tenant, a), key_of(tenant, b), *times, None, *_NOWHERE)
        for x, reason in found.quarantined.items():
            yield (QUARANTINED, key_of(tenant, x), None, *[None] * 5, reason, *_NOWHERE)
        for x, signs in found.signs.items():
            for at, kind in _told(signs):
                yield (SIGN, key_of(tenant, x), None, None, at, *[None] * 3, kind, *_NOWHERE)


def seen(facts_: DataFrame, number: Number, types: Sequence[str]) -> DataFrame:
    """`xi, x, code, first_seen, last_seen, first_ingested`: one row an identifier, arranged by `xi`.

    `code` is the place of its type among `types`.
    """
    rows = facts_.where(f.col("kind") == SIGHTING).select(
        number("a").alias("xi"), f.col("a").alias("x"), *TIMES
    )
    merged = rows.repartition("xi").groupBy("xi", "x").agg(*_widened())
    return merged.select("xi", "x", code_of("x", types).alias("code"), *TIMES)


def _told(signs: Signs) -> Iterator[tuple[int, str | None]]:
    """When each of them was, and its kind."""
    if signs.revived != PAST:
        yield signs.revived, None
    yield from signs.failures
    if signs.word != NO_WORD:
        yield signs.word.at, "objection" if signs.word.objects else "permission"


def sign_of(kind: str | None, at: int) -> Signs:
    """What a row of SIGN says."""
    if kind is None:
        return Signs(revived=at)
    return Signs(word=Word(at, _WORDS[kind])) if kind in _WORDS else Signs(failures=(Failure(at, kind),))


def signed(known: DataFrame, facts_: DataFrame, number: Number, rules: Rules) -> DataFrame:
    """`known` with `signs`, as `schemas.records` has them, and `stale`: since when x is, APART, or null."""
    if not rules.stale and not rules.joining:
        null = f.lit(None)
        return known.withColumns({"signs": null.cast("binary"), "stale": null.cast("bigint")})
    told = facts_.where(f.col("kind") == SIGN).select(
        number("a").alias("xi"), f.col("a").alias("x"), "reason", "last_seen"
    )

    def step(rows: list[Row]) -> Iterator[Row]:
        xi, key = rows[0][:2]
        signs = reduce(Signs.merge, (sign_of(kind, at) for _, _, kind, at in rows))
        yield (xi, encode_signs(signs), staleness.since(identifier_of(key), signs, rules))

    return known.join(map_groups(told.distinct(), ["xi"], step, _SIGNED), "xi", "left")


def halves(facts_: DataFrame, number: Number, types: Sequence[str]) -> DataFrame:
    """`xi, zi, x, z, code, other, lead`, times, verdict, decided_at: each link from both its ends.

    Arranged by `xi`. `code` and `other` are the places of the types of x and z among `types`; of the two
    half-links that with x < z has `lead`.
    """
    links = facts_.where(f.col("kind") == LINK)
    decision = f.when(f.col("decided_at") != PAST, f.col("decided_at") * len(Verdict) + f.col("verdict"))
    ends = [
        links.select(
            number(mine).alias("xi"),
            number(other).alias("zi"),
            f.col(mine).alias("x"),
            f.col(other).alias("z"),
            *TIMES,
            decision.alias("decision"),
        )
        for mine, other in ("ab", "ba")
    ]
    # Of two decisions the later holds, and of two at one moment the larger: as one number, the larger one.
    last = f.max("decision").alias("decision")
    verdict = f.pmod("decision", f.lit(len(Verdict)))
    merged = ends[0].union(ends[1]).repartition("xi").groupBy("xi", "zi", "x", "z").agg(*_widened(), last)
    return merged.select(
        "xi",
        "zi",
        "x",
        "z",
        code_of("x", types).alias("code"),
        code_of("z", types).alias("other"),
        (f.col("x") < f.col("z")).alias("lead"),
        *TIMES,
        f.coalesce(verdict, f.lit(0)).cast("int").alias("verdict"),
        f.coalesce(
            f.expr(f"(decision - pmod(decision, {len(Verdict)})) DIV {len(Verdict)}"), f.lit(PAST)
        ).alias("decided_at"),
    )


def links(half: DataFrame) -> DataFrame:
    """`a, b` (a < b), times and the last decision: one row a pair."""
    return half.where("lead").select(
        f.col("x").alias("a"), f.col("z").alias("b"), *TIMES, "verdict", "decided_at"
    )


def quarantined(facts_: DataFrame) -> DataFrame:
    """`x, reason`: values that link nobody by themselves."""
    return facts_.where(f.col("kind") == QUARANTINED).select(f.col("a").alias("x"), "reason").distinct()


def rejects(facts_: DataFrame) -> DataFrame:
    """`topic, partition, offset, reason`: messages that were refused."""
    return facts_.where(f.col("kind") == REJECT).select("topic", "partition", "offset", "reason")


def _widened() -> list[Column]:
    return [
        f.min("first_seen").alias("first_seen"),
        f.max("last_seen").alias("last_seen"),
        f.min("first_ingested").alias("first_ingested"),
    ]


assert PAST == -(2**63), "a link without a decision carries the smallest BIGINT"
