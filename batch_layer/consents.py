"""What customers permit: all that was ever stated, what holds of each customer, and a generation's entries.

Statements are read from bronze, by the code that the stream uses, all of them or those that are new; so the
history survives rebuilds, and a customer's consents follow its identifiers through merges and splits.
"""

from collections import deque
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from batch_layer.erasures import ByTenant
from batch_layer.rows import Row, map_rows
from batch_layer.silver import NOBODY, identifier_of, key_of, tenant_of
from identity import Facts, Observer, Rules
from identity.consent import MOST, Claims, Permission, Said, Statement, claim, differing, kept
from identity.facts import FUTURE, PAST
from schemas import CONSENTS, EMAIL, WEB, Malformed, records
from schemas.absorb import absorb, accept
from schemas.blocks import alone
from schemas.single_object import MARKER
from schemas.stated import stated

# Changes of one identifier's permissions that a generation tells, the latest; the table has all.
MOST_TOLD: Final = 1_000

WITHDRAWN: Final = "withdrawn"

ABOUT: Final = ("purpose", "channel", "brand", "locale")
_ORDER = ("at", "withdrawn", "valid_until", "valid_from", "source", "proof", "ingested_at")
_WORD = ("at", "withdrawn", "valid_from", "valid_until", "source", "proof", "ingested_at")
STATED: Final = pa.schema(
    [
        ("x", pa.string()),
        *((name, pa.string()) for name in ABOUT),
        ("at", pa.int64()),
        ("withdrawn", pa.bool_()),
        ("valid_from", pa.int64()),
        ("valid_until", pa.int64()),
        ("source", pa.string()),
        ("proof", pa.string()),
        ("ingested_at", pa.int64()),
        ("former", pa.bool_()),  # of a record that says so no more: it is history alone
    ]
)
_HELD = pa.schema([("x", pa.string()), ("claims", pa.binary())])
_ENTRY = pa.schema([("key", pa.binary()), ("value", pa.binary())])


def statements(bronze: DataFrame, rules: Rules, erased: ByTenant = NOBODY) -> DataFrame:
    """The columns of STATED: all that messages ever stated, each once.

    What records of slow sources state is in `batch_layer.record_consents`. Nothing of what was
    stated for the `erased`, tombstones by tenant, is left.
    """
    gone = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for topic, value, ingested_at in rows:
            if topic == WEB and _is_silent(value):
                continue
            try:
                record = accept(topic, value, ingested_at)
                claims = stated(record, rules, ingested_at)
                tombstones = gone.get(record.tenant)
                about = absorb(record, observer, Facts(), ingested_at, tombstones) if claims else []
            except Malformed:
                continue  # it is among the rejects
            for x in about:
                for permission, statement in claims.items():
                    yield (key_of(record.tenant, x), *permission, *statement, False)

    messages = bronze.where(f.col("topic").isin(WEB, EMAIL, CONSENTS)).select("topic", "value", "ingested_at")
    return map_rows(messages, step, STATED).distinct()


def known(table: DataFrame) -> DataFrame:
    """The same from the rows of silver/consents."""
    return table.select(
        "x",
        *ABOUT,
        f.col("stated_at").alias("at"),
        (f.col("status") == WITHDRAWN).alias("withdrawn"),
        f.coalesce("valid_from", f.lit(PAST)).alias("valid_from"),
        f.coalesce("valid_until", f.lit(FUTURE)).alias("valid_until"),
        "source",
        "proof",
        "ingested_at",
        # Before there were consents of records, nothing was.
        (f.col("former") if "former" in table.columns else f.lit(False)).alias("former"),
    )


def _is_silent(value: bytes | None) -> bool:
    """Whether a web event has no consent in it, as can be seen without reading it."""
    return value is None or (b'"consent"' not in value and b"\\" not in value and value[:2] != MARKER)


def tables(said: DataFrame, members: DataFrame) -> dict[str, DataFrame]:
    """The tables by name; `members` has `x, customer`."""
    turned = said.withColumns({"valid_until": -f.col("valid_until"), "ingested_at": -f.col("ingested_at")})
    latest = _largest(turned.where("NOT former"), ["x", *ABOUT], ["at", "withdrawn"])
    of_members = latest.join(members, "x").withColumn("tenant", f.split("x", "\0")[0])
    # Any withdrawal holds, else the newest grant.
    held = _largest(of_members, ["tenant", "customer", *ABOUT], ["withdrawn", "at"])
    held = held.withColumns({"valid_until": -f.col("valid_until"), "ingested_at": -f.col("ingested_at")})
    return {
        "silver/consents": said.select("x", *ABOUT, *_told(), "former"),
        "gold/consents": held.select("tenant", f.col("customer").alias("customer_id"), *ABOUT, *_told()),
    }


def entries(said: DataFrame) -> DataFrame:
    """`key, value` of what each identifier permits, and of how that came."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for key, of_one in groupby(rows, key=itemgetter(0)):
            tenant, x = tenant_of(key), identifier_of(key)
            claims: Claims = {}
            told = deque(differing(_claimed(of_one, claims)), MOST_TOLD)
            found = [(records.history_key(tenant, x), records.encode_claims(told))]
            if claims:
                found.append((records.claims_key(tenant, x), records.encode_claims(kept(claims).items())))
            yield from alone(found)

    # As `Statement.order` has it, and then the permission: nobody's statements need to be in memory at once.
    descending = ("valid_until", "ingested_at")
    order = [f.desc(name) if name in descending else f.asc(name) for name in ("x", *_ORDER, *ABOUT)]
    arranged = said.repartition("x").sortWithinPartitions(*order).select("x", *ABOUT, *_WORD, "former")
    return map_rows(arranged, step, _ENTRY)


def held(said: DataFrame) -> DataFrame:
    """`x, claims`: what holds of each identifier's permissions, as `schemas.records` encodes it."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for x, of_one in groupby(rows, key=itemgetter(0)):
            claims: Claims = {}
            deque(_claimed(of_one, claims), 0)
            yield x, records.encode_claims(sorted(kept(claims).items()))

    counts = said.where("NOT former").repartition("x").sortWithinPartitions("x")
    return map_rows(counts.select("x", *ABOUT, *_WORD, "former"), step, _HELD)


def _claimed(rows: Iterator[Row], claims: Claims) -> Iterator[Said]:
    """The statements, each of them added to the claims as it passes, if it is not history alone."""
    for row in rows:
        about, statement = Permission(*row[1:5]), Statement(*row[5:-1])
        if not row[-1]:
            claim(claims, about, statement)
        if len(claims) > 2 * MOST:
            newest = kept(claims)
            claims.clear()
            claims.update(newest)
        yield about, statement


def _largest(rows: DataFrame, keys: list[str], first: list[str]) -> DataFrame:
    """Of each group the row that is the largest by the columns of a word, `first` before all others."""
    word = f.struct(*first, *(name for name in _ORDER if name not in first))
    return rows.groupBy(*keys).agg(f.max(word).alias("word")).select(*keys, "word.*")


def _told() -> list[Column]:
    """A word in the columns that the tables have."""
    begin, end = f.col("valid_from"), f.col("valid_until")
    return [
        f.when(f.col("withdrawn"), WITHDRAWN).otherwise("granted").alias("status"),
        f.col("at").alias("stated_at"),
        f.when(begin != PAST, begin).alias("valid_from"),
        f.when(end != FUTURE, end).alias("valid_until"),
        f.col("source"),
        f.col("proof"),
        f.col("ingested_at"),
    ]
