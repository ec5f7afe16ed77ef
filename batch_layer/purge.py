"""Taking the erased out of bronze: rows that name them are rewritten, and the files that held these go.

A row of the log stays, for what has landed is told by the last offset; it keeps its time and whoever else it
names. A version of a slow source's record goes. Doing it twice changes nothing, so a run that was killed in
between is followed by one that does all of it again.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path

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
from identity import Observer, Rules
from schemas.striking import names, rewritten

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
                if tombstones is not None and names(observer, said, dict(attributes or ()), at, tombstones):
                    yield (tenant, source, record, load)

        said_of = ("changed_at", "ingested_at", "identifiers", "attributes")
        columns = table.select(*[name for name, _ in _VERSION], *said_of)
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
