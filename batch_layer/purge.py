"""Taking the erased out of bronze: rows that name them are rewritten, and the files that held these go.

A row of the log stays, for what has landed is told by the last offset; it keeps its time and whoever else it
names. A version of a slow source's record goes. Doing it twice changes nothing, so a run that was killed in
between is followed by one that does all of it again.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import cast

import msgspec
import pyarrow as pa
from delta import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.alone import alone
from batch_layer.erasures import ByTenant, newest
from batch_layer.maintenance import vacuum
from batch_layer.rows import Row, map_rows
from batch_layer.silver import taken_in
from batch_layer.sources.importing import LOCK
from identity import Facts, Identifier, Observer, Rules, UnknownTypeError
from identity.tombstones import Tombstones
from schemas import Decision, Malformed, encode
from schemas import Identifier as Named
from schemas.absorb import Absorbed, accept

_EVENTS, _RECORDS, _REJECTS = "bronze/events", "bronze/records", "bronze/rejects"

_PLACE = [("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64()), ("day", pa.date32())]
_REWRITTEN = pa.schema([*_PLACE, ("value", pa.binary())])
_VERSION = [("tenant", pa.string()), ("source", pa.string()), ("record", pa.string()), ("load", pa.int64())]

# What has landed since may be older than an erasure of before by as much: the time that a run takes to fix
# its cut-off, and to spare. Microseconds.
_MARGIN = 3_600_000_000


class Purge:
    """The purge of one run: of those who were erased after `since`, the moment that the last run knew."""

    def __init__(
        self,
        spark: SparkSession,
        root: Path,
        rules: Rules,
        erased: ByTenant,
        values: Mapping[str, list[str]],
        since: int,
    ) -> None:
        """`values` are the plain values of the erased, by tenant, for what cannot be read as a record."""
        self._spark = spark
        self._root = root
        self._rules = rules
        self._erased = erased
        self._values = values
        self._since = since
        self._through = newest(erased)

    def run(self) -> int:
        """Rewrite, delete and vacuum; returns how many rows of the log were rewritten."""
        count = self._events()
        if self._through > self._since:
            vacuum(self._spark, self._root, _EVENTS, 0)
        if delta.exists(self._root, _RECORDS):
            # An import must not write meanwhile: a file that no commit names yet would pass for an old one.
            with alone(self._root, LOCK):
                self._records()
                self._rejects()
        return count

    def _events(self) -> int:
        # With nobody new to erase, only what has just landed is of interest.
        after = 0 if self._through > self._since else self._through - _MARGIN
        rows = delta.read(self._spark, self._root, _EVENTS).where(
            (f.col("ingested_at") <= self._through) & (f.col("ingested_at") > after)
        )
        rules, erased, values = self._rules, self._erased, self._values

        def step(rows: Iterator[Row]) -> Iterator[Row]:
            observer = Observer(rules)
            for topic, partition, offset, day, ingested_at, value in rows:
                new = rewritten(topic, value, ingested_at, observer, erased, values)
                if new is not None:
                    yield (topic, partition, offset, day, new)

        columns = rows.select("topic", "partition", "offset", "day", "ingested_at", "value")
        changed = map_rows(columns, step, _REWRITTEN).persist()
        count = changed.count()
        if count:
            same = " AND ".join(f"t.`{name}` = c.`{name}`" for name, _ in _PLACE)
            table = DeltaTable.forPath(self._spark, str(self._root / _EVENTS)).alias("t")
            merge = table.merge(changed.alias("c"), same)
            merge.whenMatchedUpdate(set={"value": "c.value", "key": "NULL"}).execute()
        changed.unpersist()
        return count

    def _records(self) -> None:
        table = delta.read(self._spark, self._root, _RECORDS)
        rules, erased = self._rules, self._erased

        def step(rows: Iterator[Row]) -> Iterator[Row]:
            observer = Observer(rules)
            for tenant, source, record, load, changed_at, ingested_at, identifiers, attributes in rows:
                tombstones, at = erased.get(tenant), taken_in(changed_at, ingested_at)
                said = {type_: list(values) for type_, values in identifiers or ()}
                if tombstones is not None and _named(observer, said, dict(attributes or ()), at, tombstones):
                    yield (tenant, source, record, load)

        names = ("changed_at", "ingested_at", "identifiers", "attributes")
        columns = table.select(*[name for name, _ in _VERSION], *names)
        gone = map_rows(columns, step, pa.schema(_VERSION)).persist()
        if not gone.isEmpty():
            same = " AND ".join(f"t.`{name}` = c.`{name}`" for name, _ in _VERSION)
            target = DeltaTable.forPath(self._spark, str(self._root / _RECORDS)).alias("t")
            target.merge(gone.alias("c"), same).whenMatchedDelete().execute()
        gone.unpersist()
        if self._through > self._since:
            vacuum(self._spark, self._root, _RECORDS, 0)

    def _rejects(self) -> None:
        if self._through <= self._since or not delta.exists(self._root, _REJECTS):
            return
        tells = [
            (f.col("tenant") == tenant) & (f.contains(f.lower("row"), f.lit(value.lower())))
            for tenant, values in self._values.items()
            for value in values
        ]
        if tells:
            table = DeltaTable.forPath(self._spark, str(self._root / _REJECTS))
            table.delete(reduce(lambda a, b: a | b, tells))
        vacuum(self._spark, self._root, _REJECTS, 0)


def rewritten(
    topic: str,
    value: bytes | None,
    ingested_at: int,
    observer: Observer,
    erased: ByTenant,
    values: Mapping[str, list[str]],
) -> bytes | None:
    """A message as it is without the erased; None where it names none.

    It says what `schemas.absorb` makes of it with the tombstones, which it needs no more. What is no record
    is left empty if it has a value of one who is erased.
    """
    try:
        record = accept(topic, value, ingested_at)
    except Malformed:
        text = (value or b"").lower()
        told = any(known.lower().encode() in text for some in values.values() for known in some)
        return b"" if told else None
    tombstones = erased.get(record.tenant)
    if tombstones is None:
        return None
    left = _left(record, ingested_at, observer, tombstones)
    return None if left is None else encode(left)


def _left(record: Absorbed, ingested_at: int, observer: Observer, tombstones: Tombstones) -> Absorbed | None:
    if isinstance(record, Decision):
        ends = [_end(observer, end, ingested_at, tombstones) for end in (record.a, record.b)]
        if ends == [record.a, record.b]:
            return None
        return msgspec.structs.replace(record, a=ends[0], b=ends[1], why="")
    if not _named(observer, record.identifiers, record.properties, ingested_at, tombstones):
        return None
    identifiers = {
        type_: [raw for raw in raws if not _is_erased(observer, type_, raw, ingested_at, tombstones)]
        for type_, raws in record.identifiers.items()
    }
    some = {type_: raws for type_, raws in identifiers.items() if raws}
    page = {} if not hasattr(record, "page") else {"page": ""}
    return cast("Absorbed", msgspec.structs.replace(record, identifiers=some, properties={}, **page))


def _end(observer: Observer, end: Named, ingested_at: int, tombstones: Tombstones) -> Named:
    if not _is_erased(observer, end.type, end.value, ingested_at, tombstones):
        return end
    x, _ = observer.identify(end.type, end.value)
    return Named(*tombstones.mask(x))


def _is_erased(observer: Observer, type_: str, raw: str, ingested_at: int, tombstones: Tombstones) -> bool:
    try:
        x, _ = observer.identify(type_, raw)
    except UnknownTypeError:
        x = Identifier(type_, raw)
    return tombstones.erases(x, ingested_at)


def _named(
    observer: Observer,
    identifiers: Mapping[str, list[str]],
    attributes: Mapping[str, str],
    at: int,
    tombstones: Tombstones,
) -> bool:
    """Whether identifiers, or what attributes make, are of somebody who is erased."""
    if any(_is_erased(observer, t, raw, at, tombstones) for t, raws in identifiers.items() for raw in raws):
        return True
    found: list[Identifier] = []
    with suppress(UnknownTypeError):
        found = observer.observe(Facts(), {}, attributes, at, at) if attributes else []
    return any(tombstones.erases(x, at) for x in found)
