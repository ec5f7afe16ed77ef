"""Which messages of the log and records of slow sources name a person, and what they say of that person.

Reads all of bronze, as a whole run does: nothing in it is in the order of identifiers, and a message is made
out by the rules only when it is read.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_rows
from batch_layer.run import Run
from batch_layer.silver import taken_in
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import Observer, Rules
from schemas import Malformed
from schemas.absorb import accept
from schemas.codec import encode_json
from schemas.concerning import Person, concerning, share
from schemas.generation import Offsets

_MESSAGE = pa.schema(
    [
        ("ingested_at", pa.int64()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("said", pa.binary()),
        ("others_left_out", pa.bool_()),
    ]
)
_RECORD = pa.schema(
    [
        ("ingested_at", pa.int64()),
        ("source", pa.string()),
        ("record", pa.string()),
        ("load", pa.int64()),
        ("ended", pa.string()),
        ("changed_at", pa.int64()),
        ("said", pa.binary()),
        ("others_left_out", pa.bool_()),
    ]
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = ("stated_at", "valid_from", "valid_until")


class Mentions(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in the columns above, oldest first, with `said` as JSON; and up to where bronze was read.

    `offsets` is the exclusive end of each partition, `loads` the last load of slow sources.
    """

    messages: list[dict[str, object]]
    records: list[dict[str, object]]
    offsets: Offsets
    loads: int


def mentions(job: Run, rules: Rules, person: Person) -> Mentions:
    """What names a person, who may have been erased before. Raises KafkaException, and what Spark raises."""
    person = person._replace(erased=job.ledger().tombstones.get(person.tenant))
    bronze, loads = job.bronze(), Loads(job.delta).last
    offsets = bronze.ends()
    versions = Tables(job.spark, job.delta).versions().where(f.col("load") <= loads)
    return Mentions(
        messages=_told(messages(bronze.table(), rules, person)) if offsets else [],
        records=_told(records(versions, rules, person)),
        offsets=offsets,
        loads=loads,
    )


def messages(bronze: DataFrame, rules: Rules, person: Person) -> DataFrame:
    """The messages that name a person; of one that cannot be read and has a value of theirs, its place."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for topic, partition, offset, at, value in rows:
            place = (at, topic, partition, offset)
            try:
                found = concerning(accept(topic, value, at), at, observer, person)
            except Malformed:
                if person.is_told_in(value or b"", at):
                    yield (*place, None, True)
                continue
            if found is not None:
                record, others = found
                yield (*place, encode_json(record), others)

    columns = ("topic", "partition", "offset", "ingested_at", "value")
    return map_rows(bronze.select(*columns), step, _MESSAGE)


def records(versions: DataFrame, rules: Rules, person: Person) -> DataFrame:
    """The versions of records that name a person; without attributes where they name others, too."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for source, record, load, ended, changed_at, ingested_at, identifiers, attributes, consents in rows:
            named = {type_: list(values) for type_, values in identifiers or ()}
            told, at = dict(attributes or ()), taken_in(changed_at, ingested_at)
            found = share(observer, named, told, at, person)
            if found is None:
                continue
            # As of a consent record: the word stands, what proves it may be of others.
            stated = [_stated(one, proof=not found.others) for one in consents or ()]
            if found.others:
                named, told = found.identifiers, {}
            said = msgspec.json.encode(
                {"identifiers": named, "attributes": told} | ({"consents": stated} if stated else {})
            )
            yield (ingested_at, source, record, load, ended, changed_at, said, found.others)

    told = ("source", "record", "load", "ended", "changed_at", "ingested_at", "identifiers", "attributes")
    return map_rows(versions.where(f.col("tenant") == person.tenant).select(*told, "consents"), step, _RECORD)


def _stated(one: Mapping[str, Any], *, proof: bool) -> dict[str, object]:
    """A permission that a record states, without what it leaves open; moments as times."""
    said = {name: value for name, value in one.items() if value not in (None, "")}
    said |= {name: _EPOCH + timedelta(microseconds=said[name]) for name in _TIMES if name in said}
    return said if proof else {name: value for name, value in said.items() if name != "proof"}


def _told(found: DataFrame) -> list[dict[str, object]]:
    rows = [row.asDict() for row in found.orderBy(*found.columns[:4]).collect()]
    return [row | {"said": row["said"] and msgspec.json.decode(row["said"])} for row in rows]
