"""Taking the erased out of bronze: rows that name them are rewritten, and the files that held these go.

A row of the log stays, for what has landed is told by the last offset; it keeps its time and whoever else it
names. A version of a slow source's record goes. Doing it twice changes nothing, so a run that was killed in
between is followed by one that does all of it again.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.alone import alone
from batch_layer.erasures import ByTenant, newest
from batch_layer.maintenance import vacuum
from batch_layer.rows import Row, map_rows
from batch_layer.silver import taken_in
from batch_layer.sources.importing import LOCK, staging
from identity import Observer, Rules
from schemas.striking import names, rewritten, tells

_EVENTS, _RECORDS, _REJECTS = "bronze/events", "bronze/records", "bronze/rejects"

_PLACE = [("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64()), ("day", pa.date32())]
_REWRITTEN = pa.schema([*_PLACE, ("value", pa.binary())])
_VERSION = pa.schema(
    [("tenant", pa.string()), ("source", pa.string()), ("record", pa.string()), ("load", pa.int64())]
)
_REJECT = pa.schema(
    [
        ("load", pa.int64()),
        *((name, pa.string()) for name in ("tenant", "source", "file", "record", "column", "rule")),
    ]
)

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
        if count or self._through > self._since:
            vacuum(self._spark, self._root, _EVENTS, 0)
        if delta.exists(self._root, _RECORDS) or staging(self._root).exists():
            # An import must not write meanwhile: a file that no commit names yet would pass for an old one.
            with alone(self._root, LOCK):
                shutil.rmtree(staging(self._root), ignore_errors=True)  # of one that was killed
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
        if not delta.exists(self._root, _RECORDS):
            return
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
        columns = table.select(*_VERSION.names, *said_of)
        late = self._delete(_RECORDS, map_rows(columns, step, _VERSION), _VERSION.names)
        if late or self._through > self._since:
            vacuum(self._spark, self._root, _RECORDS, 0)

    def _rejects(self) -> None:
        if self._through <= self._since or not delta.exists(self._root, _REJECTS):
            return
        values = self._values

        def step(rows: Iterator[Row]) -> Iterator[Row]:
            for *key, row in rows:
                if row is not None and tells(row.encode(), values.get(key[1], ())):
                    yield tuple(key)

        rejects = delta.read(self._spark, self._root, _REJECTS)
        gone = map_rows(rejects.select(*_REJECT.names, "row"), step, _REJECT).distinct()
        self._delete(_REJECTS, gone, _REJECT.names)
        vacuum(self._spark, self._root, _REJECTS, 0)

    def _delete(self, name: str, gone: DataFrame, key: list[str]) -> bool:
        """Delete the rows that `gone` has the key of; returns whether there were any.

        By a merge: the condition of a deletion is written into the table's log, and would name people there.
        """
        gone = gone.persist()
        found = not gone.isEmpty()
        if found:
            same = " AND ".join(f"t.`{column}` <=> c.`{column}`" for column in key)
            target = DeltaTable.forPath(self._spark, str(self._root / name)).alias("t")
            target.merge(gone.alias("c"), same).whenMatchedDelete().execute()
        gone.unpersist()
        return found
