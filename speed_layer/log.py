"""Reading the log from Kafka, from where a view stands."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import overlay
from schemas.absorb import LOG
from speed_layer.view import ViewState

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One message of the log; `ingested_at` is its append time in microseconds."""

    topic: str
    partition: int
    offset: int
    ingested_at: int
    key: bytes | None
    value: bytes | None

    @property
    def field(self) -> bytes:
        """Its partition's field in the offsets of a view."""
        return overlay.partition_field(self.topic, self.partition)


class LogReader:
    """A member of a view's consumer group."""

    def __init__(self, consumer: Consumer, state: ViewState) -> None:
        self._consumer = consumer
        self._state = state
        consumer.subscribe(list(LOG), on_assign=self._assign)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin where the view stands, whatever Kafka believes."""
        offsets = self._state.offsets()
        for partition in partitions:
            partition.offset = offsets.get(overlay.partition_field(partition.topic, partition.partition), 0)
        consumer.assign(partitions)

    def read(self, most: int, timeout: float, before: Mapping[bytes, int] | None = None) -> list[Entry]:
        """Up to `most` entries that arrive within `timeout` seconds.

        With `before`, entries from these offsets on stay in the log for a later call. Raises
        KafkaException.
        """
        entries = [_entry(m) for m in self._consumer.consume(most, timeout) if _is_data(m)]
        if before is None:
            return entries
        early: dict[tuple[str, int], int] = {}
        for entry in entries:
            if entry.offset >= before.get(entry.field, 0):
                early.setdefault((entry.topic, entry.partition), entry.offset)
        for (topic, partition), offset in early.items():
            self._consumer.seek(TopicPartition(topic, partition, offset))
        return [entry for entry in entries if entry.offset < before.get(entry.field, 0)]

    def note(self) -> None:
        """Tell Kafka how far we are, for people who watch the lag; nothing depends on it."""
        self._consumer.commit(asynchronous=True)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def next_offsets(entries: Sequence[Entry]) -> dict[bytes, int]:
    """Where the log goes on after these."""
    return {entry.field: entry.offset + 1 for entry in entries}


def _is_data(message: Message) -> bool:
    """Whether this is data; what librdkafka retries by itself is only noted."""
    error: Any = message.error()
    if error is None:
        return True
    if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaException(error)
    log.warning("Kafka: %s", error.str())
    return False


def _entry(message: Message) -> Entry:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None, "true of every message"  # noqa: PT018
    key, value = message.key(), message.value()
    assert not isinstance(key, str) and not isinstance(value, str), "we ask for bytes"  # noqa: PT018
    return Entry(topic, partition, offset, message.timestamp()[1] * 1_000, key, value)
