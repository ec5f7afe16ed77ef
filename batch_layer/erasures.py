"""Erasures in a run: the topic is read to its end, and nothing of the erased gets into tables or files.

Bronze keeps messages until `batch_layer.purge` has rewritten them. Whatever reads facts asks the tombstones
as well, so that a backup of bronze brings nobody back.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic

import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from pyspark.sql import DataFrame

from batch_layer.rows import Row, map_rows
from batch_layer.silver import identifier_of, key_of, tenant_of
from batch_layer.watermarks import watermarks
from identity import Minted
from identity.facts import PAST
from identity.tombstones import Tombstones
from schemas import ERASURES, Erasure, Malformed
from schemas.generation import numbers, open_generation
from schemas.ledger import Ledger, forgotten

# Seconds that the broker has to hand over the topic.
_PATIENCE_S = 60.0

_HOMES = pa.schema([("x", pa.string()), ("home", pa.string())])
_IDS = pa.schema(
    [
        ("customer", pa.string()),
        ("generation", pa.int64()),
        ("first_ingested", pa.int64()),
        ("anchor", pa.string()),
        ("counter", pa.int32()),
    ]
)

ByTenant = Mapping[str, Tombstones]


def read(kafka: str, settings: Mapping[str, str], id_key: bytes) -> Ledger:
    """All that the topic of erasures says now. Raises KafkaException."""
    ledger, where = Ledger(id_key), TopicPartition(ERASURES, 0, OFFSET_BEGINNING)
    consumer = Consumer({**settings, "bootstrap.servers": kafka, "group.id": "ucid-batch"})
    try:
        at, end = watermarks(consumer, where)
        consumer.assign([where])
        deadline = monotonic() + _PATIENCE_S
        while at < end:
            for message in consumer.consume(1_000, 1.0):
                if message.error() is not None:
                    raise KafkaException(message.error())
                at = (message.offset() or 0) + 1
                try:
                    ledger.take(message.value() or b"", message.timestamp()[1] * 1_000)
                except Malformed:
                    continue  # the stream has said so
            if at < end and monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
    finally:
        consumer.close()
    return ledger


def settled(ledger: Ledger, generations: Path) -> list[Erasure]:
    """What takes the place of the erasures that every generation which is kept was made with.

    As long as readers may go back to one that holds somebody, the stream must be told whom to take out of it.
    """
    known = min(
        (open_generation(generations, each).manifest.erased for each in numbers(generations)), default=0
    )
    return [
        forgotten(request, ledger.of(request.tenant))
        for request in ledger.requests.values()
        if request.through <= known
    ]


def newest(erased: ByTenant) -> int:
    """The moment of the last erasure; 0 where there was none."""
    return max((each.newest for each in erased.values() if each.newest != PAST), default=0)


def homes_left(homes: DataFrame, erased: ByTenant, since: int) -> DataFrame:
    """`homes` without those who were erased after `since`: who comes again is at home nowhere."""
    if newest(erased) <= since:
        return homes

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for x, home in rows:
            tombstones = erased.get(tenant_of(x))
            if tombstones is None or tombstones.through(identifier_of(x)) <= since:
                yield (x, home)

    return map_rows(homes.select("x", "home"), step, _HOMES)


def ids_masked(ids: DataFrame, erased: ByTenant) -> DataFrame:
    """`ids`, with a tombstone for each anchor that was erased since; an id stays taken."""
    if not newest(erased):
        return ids

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for customer, generation, first_ingested, anchor, counter in rows:
            minted = Minted(generation, first_ingested, identifier_of(anchor), counter)
            tenant = tenant_of(anchor)
            yield (
                customer,
                generation,
                first_ingested,
                key_of(tenant, masked(minted, erased.get(tenant)).anchor),
                counter,
            )

    return map_rows(ids.select(*_IDS.names), step, _IDS)


def masked(minted: Minted, tombstones: Tombstones | None) -> Minted:
    """What an id was minted from, by its tombstone if that was erased."""
    if tombstones is None or not tombstones.erases(minted.anchor, minted.first_ingested):
        return minted
    return minted._replace(anchor=tombstones.mask(minted.anchor))
