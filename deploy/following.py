"""Follows changes and decisions in the log, and keeps the server's history; one process of a node does.

It follows erasures, too: whom one names is struck out, and what a replay tells of him again is left out.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from deploy import bootstrap
from deploy.settings import Settings
from identity import Identifier, Observer, UnknownTypeError
from identity.tombstones import Tombstones
from schemas import CHANGES, DECISIONS, CustomerChange, Decision, Malformed, decode
from schemas.errors import SchemaError
from schemas.ledger import Ledger, by_tenant
from speed_layer.erasures import ErasureLog

if TYPE_CHECKING:
    from serving_layer.history import History

log = logging.getLogger(__name__)

TOPICS = (CHANGES, DECISIONS)

# Messages taken together at most, seconds to wait for them, and seconds until a fault is tried again.
TOGETHER = 5_000
WAIT_S = 0.2
RETRY_S = 1.0

# Seconds that a server which ends waits for it. What was not written is read again.
STOP_S = 2.0


class Follower:
    """A thread that fills the history for as long as it is the only one of this node."""

    def __init__(self, settings: Settings, history: "History", observer: Callable[[], Observer]) -> None:
        self._settings = settings
        self._history = history
        self._observer = observer
        self._stop = Event()
        self._thread = Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is in hand is written; who waits for a Kafka that is away is left behind."""
        self._stop.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        lock = Path(f"{self._settings.history}.lock")
        fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not self._stop.is_set():
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._follow()
                except BlockingIOError:
                    pass  # another process does
                except (KafkaException, SchemaError, OSError) as error:
                    log.warning("the history is not followed: %s", error)
                self._stop.wait(RETRY_S)
        finally:
            os.close(fd)

    def _follow(self) -> None:
        consumer = bootstrap.consumer(self._settings, "ucid-history")
        erasures = ErasureLog(
            bootstrap.consumer(self._settings, "ucid-history"), Ledger(self._settings.id_key)
        )
        try:
            consumer.assign(_positions(consumer, self._history.ends()))
            settled = True
            while not self._stop.is_set():
                messages = consumer.consume(TOGETHER, WAIT_S)
                erased = by_tenant(erasures.read(level=bool(messages)))
                if messages:
                    self._take(messages, erasures.ledger.tombstones)
                for tenant, whom in erased.items():
                    self._history.forget(tenant, whom)
                settled = (settled and not erased) or self._history.settle()
        finally:
            erasures.close()
            consumer.close()

    def _take(self, messages: list[Message], erased: Mapping[str, Tombstones]) -> None:
        changes: list[CustomerChange] = []
        decisions: list[tuple[Decision, Identifier, Identifier]] = []
        ends: dict[str, int] = {}
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            topic, partition, offset, value = (
                message.topic(),
                message.partition(),
                message.offset(),
                message.value(),
            )
            assert topic is not None and partition is not None and offset is not None, "true of every message"  # noqa: PT018
            ends[f"{topic}:{partition}"] = offset + 1
            at = message.timestamp()[1] * 1_000
            try:
                record = decode(topic, value if isinstance(value, bytes) else b"", at)
            except Malformed:
                continue  # a dead letter tells of it
            gone = erased.get(getattr(record, "tenant", ""))
            if isinstance(record, CustomerChange):
                changes.append(record if gone is None else without(record, gone))
            elif isinstance(record, Decision) and (ends_of := self._ends_of(record)):
                if gone is not None and any(gone.erases(x, at) for x in ends_of):
                    continue
                # Nobody decided after the log heard of it, whatever a clock said.
                dated = msgspec.structs.replace(record, decided_at=min(record.decided_at, at))
                decisions.append((dated, *ends_of))
        self._history.take(changes, decisions, ends)

    def _ends_of(self, decision: Decision) -> tuple[Identifier, Identifier] | None:
        try:
            a, b = (self._observer().identify(x.type, x.value)[0] for x in (decision.a, decision.b))
        except UnknownTypeError:
            return None
        return a, b


def without(change: CustomerChange, erased: Tombstones) -> CustomerChange:
    """A change without those who were erased since it was told."""
    left = [x for x in change.identifiers if not erased.erases(Identifier(x.type, x.value), change.at)]
    return msgspec.structs.replace(change, identifiers=left)


def _positions(consumer: Consumer, ends: dict[str, int]) -> list[TopicPartition]:
    positions = []
    for topic in TOPICS:
        for partition in range(bootstrap.PARTITIONS[topic]):
            begin, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            positions.append(
                TopicPartition(topic, partition, max(begin, ends.get(f"{topic}:{partition}", 0)))
            )
    return positions
