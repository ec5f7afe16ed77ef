"""Silver: bronze as facts, by the same code that the stream uses.

Each task merges the facts of its own rows first, so little is shuffled; what is left merges by minimum
and maximum, which Spark does itself. Identifiers travel as one string, tenant, type and value with a
NUL between (`key_of`), which sorts as the tuple does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from identity import Facts, Identifier, Observer, Rules, UnknownTypeError
from identity.facts import PAST
from schemas import Malformed
from schemas.absorb import absorb, accept

# Stands before a source's name where messages have their topic.
SOURCE = "source:"

SIGHTING, LINK, QUARANTINED, REJECT = "sighting", "link", "quarantined", "reject"

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
_NOWHERE = (None, None, None)


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


def facts(bronze: DataFrame, rules: Rules) -> DataFrame:
    """The facts of all messages: partly merged rows of four kinds."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        tenants: defaultdict[str, Facts] = defaultdict(Facts)
        for topic, partition, offset, ingested_at, value in rows:
            try:
                record = accept(topic, value, ingested_at)
                absorb(record, observer, tenants[record.tenant], ingested_at)
            except Malformed as error:
                yield (REJECT, *[None] * 7, str(error), topic, partition, offset)
        for tenant, found in tenants.items():
            yield from _rows(tenant, found)

    columns = bronze.select("topic", "partition", "offset", "ingested_at", "value")
    return map_rows(columns, step, _FACTS)


def record_facts(records: DataFrame, rules: Rules) -> DataFrame:
    """The facts of the records that stand, in the same form; a record is an event at its `changed_at`.

    A record whose source does not say when it changed is as old as its load. What is rejected is told by
    its source, as `topic`, and its load, as `offset`.
    """

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        tenants: defaultdict[str, Facts] = defaultdict(Facts)
        for tenant, source, load, changed_at, ingested_at, identifiers, attributes in rows:
            at = ingested_at if changed_at is None else changed_at
            try:
                observer.observe(tenants[tenant], dict(identifiers), dict(attributes or ()), at, ingested_at)
            except UnknownTypeError as error:
                yield (REJECT, *[None] * 7, str(error), f"{SOURCE}{source}", None, load)
        for tenant, found in tenants.items():
            yield from _rows(tenant, found)

    columns = ("tenant", "source", "load", "changed_at", "ingested_at", "identifiers", "attributes")
    return map_rows(records.select(*columns), step, _FACTS)


def _rows(tenant: str, found: Facts) -> Iterable[Row]:
    for x, seen in found.seen.items():
        yield (SIGHTING, key_of(tenant, x), None, *seen, None, None, None, *_NOWHERE)
    for (a, b), link in found.links.items():
        times = (link.first_seen, link.last_seen, link.first_ingested, link.decided_at, link.verdict)
        yield (LINK, key_of(tenant, a), key_of(tenant, b), *times, None, *_NOWHERE)
    for x, reason in found.quarantined.items():
        yield (QUARANTINED, key_of(tenant, x), None, *[None] * 5, reason, *_NOWHERE)


def seen(facts_: DataFrame) -> DataFrame:
    """`x, first_seen, last_seen, first_ingested`: one row an identifier."""
    return facts_.where(f.col("kind") == SIGHTING).groupBy(f.col("a").alias("x")).agg(*_widened())


def links(facts_: DataFrame) -> DataFrame:
    """`a, b` (a < b), times and the last decision: one row a pair."""
    decision = f.max(f.struct("decided_at", "verdict"))
    merged = (
        facts_.where(f.col("kind") == LINK).groupBy("a", "b").agg(*_widened(), decision.alias("decision"))
    )
    return merged.select(
        "a",
        "b",
        "first_seen",
        "last_seen",
        "first_ingested",
        f.col("decision.verdict").alias("verdict"),
        f.col("decision.decided_at").alias("decided_at"),
    )


def quarantined(facts_: DataFrame) -> DataFrame:
    """`x, reason`: values that link nobody by themselves."""
    return facts_.where(f.col("kind") == QUARANTINED).select(f.col("a").alias("x"), "reason").distinct()


def rejects(facts_: DataFrame) -> DataFrame:
    """`topic, partition, offset, reason`: messages that were refused."""
    return facts_.where(f.col("kind") == REJECT).select("topic", "partition", "offset", "reason")


def _widened() -> list[f.Column]:  # type: ignore[name-defined]
    return [
        f.min("first_seen").alias("first_seen"),
        f.max("last_seen").alias("last_seen"),
        f.min("first_ingested").alias("first_ingested"),
    ]


assert PAST == -(2**63), "a link without a decision carries the smallest BIGINT"
