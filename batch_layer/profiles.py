"""Profiles and segments: claims of all events and records, registers of identifiers, what customers are.

The same code decides as in the stream (`identity.profile`); Spark only brings together what belongs together.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer import consents, groups
from batch_layer.erasures import ByTenant
from batch_layer.gold import Gold
from batch_layer.leaf import leaf
from batch_layer.rows import Row, map_rows
from batch_layer.silver import NOBODY, identifier_of, key_of, taken_in, tenant_of
from identity import Facts, Observer, Rules, UnknownTypeError
from identity.profile import Claim, Registers, Told, claims, merged, profile, register, strongest
from identity.segments import segments
from schemas import EMAIL, WEB, Malformed
from schemas.absorb import absorb, accept
from schemas.blocks import alone
from schemas.claims import claimed, decode_registers, encode_registers, profile_key
from schemas.generation import Manifest
from schemas.records import decode_claims
from schemas.striking import names, struck

_TEXT, _TIME = pa.string(), pa.int64()
_SAID = ("x", "attribute", "source", "record", "at", "value", "fault")
_CLAIMS = pa.schema([*((name, _TIME if name == "at" else _TEXT) for name in _SAID), ("ingested_at", _TIME)])
_REGISTERS = pa.schema([("x", _TEXT), ("key", pa.binary()), ("value", pa.binary())])
_JUDGED = pa.schema(
    [
        *((name, _TEXT) for name in ("tenant", "customer_id", "attribute", "value", "source")),
        ("at", _TIME),
        ("segment", _TEXT),
    ]
)


def of_events(bronze: DataFrame, rules: Rules, erased: ByTenant = NOBODY) -> DataFrame:
    """What all messages claim, in the columns of silver/claims; the refused claim nothing."""
    gone = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for topic, value, ingested_at in rows:
            try:
                event = accept(topic, value, ingested_at)
                tombstones = gone.get(event.tenant)
                about = absorb(event, observer, Facts(), ingested_at, tombstones)
            except Malformed:
                continue  # it is among the rejects
            left = struck(event, ingested_at, observer, tombstones)
            owner, told = claimed(left, about, rules, ingested_at)
            if owner is not None:
                yield from _rows(key_of(event.tenant, owner), told)

    messages = bronze.where(f.col("topic").isin(WEB, EMAIL)).select("topic", "value", "ingested_at")
    return _once(map_rows(messages, step, _CLAIMS))


def of_records(records: DataFrame, rules: Rules, erased: ByTenant = NOBODY) -> DataFrame:
    """What the records of slow sources claim that stand; a record is an event at its `changed_at`."""
    gone = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for tenant, source, record, changed_at, ingested_at, identifiers, attributes in rows:
            at, said = ingested_at if changed_at is None else changed_at, dict(attributes)
            tombstones, told_at = gone.get(tenant), taken_in(changed_at, ingested_at)
            if tombstones and names(observer, dict(identifiers), said, told_at, tombstones):
                continue  # as a purge leaves it
            try:
                about = observer.observe(Facts(), dict(identifiers), said, at, ingested_at)
            except UnknownTypeError:
                continue
            owner = strongest(about, rules)
            if owner is not None:
                yield from _rows(key_of(tenant, owner), claims(rules, said, source, record, at, ingested_at))

    columns = ("tenant", "source", "record", "changed_at", "ingested_at", "identifiers", "attributes")
    return map_rows(records.where("attributes IS NOT NULL").select(*columns), step, _CLAIMS)


def all_claims(
    bronze: DataFrame, records: DataFrame | None, rules: Rules, erased: ByTenant = NOBODY
) -> DataFrame:
    """What all messages claim, and all records that stand, where there are any."""
    told = of_events(bronze, rules, erased)
    return told if records is None else told.unionByName(of_records(records, rules, erased))


def registers(told: DataFrame, rules: Rules) -> DataFrame:
    """`x, key, value`: the entry of each identifier's registers, of what silver/claims has."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for x, of_x in groupby(rows, key=itemgetter(0)):
            found: Registers = {
                name: register(rules.registers[name], (Claim(*row[2:]) for row in some))
                for name, some in groupby(of_x, key=itemgetter(1))
            }
            key = profile_key(tenant_of(x), identifier_of(x))
            yield from ((x, *entry) for entry in alone([(key, encode_registers(merged(rules, found)))]))

    good = told.where("fault IS NULL").select(
        "x", "attribute", "at", "value", "source", "record", "ingested_at"
    )
    arranged = good.repartition("x").sortWithinPartitions("x", "attribute")
    return map_rows(arranged, step, _REGISTERS)


def judged(
    registers_: DataFrame, members: DataFrame, said: DataFrame, rules: Rules, as_of: int | None
) -> DataFrame:
    """The columns of gold/profiles and `segment`: a row has an attribute, or a segment that a customer is in.

    `members` has `x, customer`, `said` all statements as `batch_layer.consents` has them; `as_of` is
    the moment at which segments are judged.
    """

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for (tenant, customer), some in groupby(rows, key=itemgetter(0, 1)):
            entries = [*some]
            held = [decode_registers(value[1:]) for *_, value, _ in entries if value is not None]
            stated = [dict(decode_claims(claims)) for *_, claims in entries if claims is not None]
            found = profile(rules, held)
            for name, value in found.items():
                yield (tenant, customer, name, *value, None)
            for segment in segments(rules, found, held, as_of, stated):
                yield (tenant, customer, None, None, None, None, segment)

    # Of a customer nothing may be known, and that may be what a segment asks for.
    joined = members.join(registers_, "x", "left" if rules.segments else "inner")
    nothing = f.lit(None).cast("binary").alias("claims")
    joined = (
        joined.join(consents.held(said), "x", "left") if rules.asks_consent else joined.select("*", nothing)
    )
    joined = joined.select(f.split("x", "\0", 3)[0].alias("tenant"), "customer", "value", "claims")
    arranged = joined.repartition("tenant", "customer").sortWithinPartitions("tenant", "customer")
    return map_rows(arranged, step, _JUDGED)


def written(
    gold: Gold,
    before: Manifest,
    told: DataFrame,
    said: DataFrame,
    members: DataFrame,
    rules: Rules,
    as_of: int | None,
) -> DataFrame:
    """Write the tables of profiles and segments; returns the entries of the registers, `key, value`.

    `told` has all claims, in the columns of silver/claims; `said` all statements, see `judged`.
    """
    if not (rules.registers or rules.segments):
        if "silver/claims" not in before.tables:
            return told.limit(0).select(f.lit(b"").alias("key"), f.lit(b"").alias("value"))
        told = told.limit(0)  # what former rules asked for
    told = gold.write("silver/claims", told)
    found = leaf(registers(told, rules))
    gold.write_all(tables(leaf(judged(found, members, said, rules, as_of)), rules))
    if rules.groups or "gold/groups" in before.tables:
        gold.write_all(groups.tables(gold.written("gold/profiles"), rules))
    return found.select("key", "value")


def more(known: DataFrame, told: DataFrame) -> DataFrame:
    """Claims that were known, and others."""
    return _once(known.unionByName(told))


def tables(judged_: DataFrame, rules: Rules) -> dict[str, DataFrame]:
    """The tables of what `judged` says, by name."""
    keys = [name for name, segment in rules.segments.items() if segment.key]
    members = judged_.where("segment IS NOT NULL").select("tenant", "customer_id", "segment")
    return {
        "gold/profiles": judged_.where("attribute IS NOT NULL").drop("segment"),
        "gold/segment_members": members,
        "gold/key_customers": members.where(f.col("segment").isin(keys))
        .groupBy("tenant", "customer_id")
        .agg(f.array_sort(f.collect_list("segment")).alias("reasons")),
        "gold/segments": members.groupBy("tenant", "segment").agg(f.count("*").alias("customers")),
    }


def _rows(x: str, told: Iterable[Told]) -> Iterator[Row]:
    for name, claim, fault in told:
        value = claim.value if fault is None else None
        yield (x, name, claim.source, claim.key, claim.at, value, fault, claim.ingested_at)


def _once(told: DataFrame) -> DataFrame:
    """An event that was delivered twice says the same: it counts when it was taken in first."""
    return told.groupBy(*_SAID).agg(f.min("ingested_at").alias("ingested_at"))
