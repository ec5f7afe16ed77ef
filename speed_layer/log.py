"""Reading the log from Kafka, from where a view stands."""

import logging
from collections.abc import Mapping
from math import inf
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import overlay
from schemas.absorb import LOG
from speed_layer.view import ViewState

log = logging.getLogger(__name__)

# So many messages are taken from the client at a time, until there are no more.
SLICE = 10_000

# So many bytes are enough, however few messages they are. A slice is no more than the client holds, see
# `queued.max.messages.kbytes`.
ENOUGH = 1 << 26

# Seconds between two words to Kafka of how far we are.
NOTE_S = 1.0


class LogReader:
    """A member of a view's consumer group."""

    def __init__(self, consumer: Consumer, state: ViewState) -> None:
        self._consumer = consumer
        self._state = state
        self._untold = False  # whether all that was read is applied, and Kafka does not know
        self._told_at = -inf
        consumer.subscribe(list(LOG), on_assign=self._assign)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin where the view stands, whatever Kafka believes."""
        offsets = self._state.offsets()
        for partition in partitions:
            partition.offset = offsets.get(overlay.partition_field(partition.topic, partition.partition), 0)
        consumer.assign(partitions)

    def read(self, most: int, timeout: float, before: Mapping[bytes, int] | None = None) -> list[Message]:
        """Up to `most` messages: those that are here, else the first within `timeout` seconds.

        With `before`, messages from these offsets on stay in the log for a later call. Raises
        KafkaException.
        """
        self._tell()
        found = self._take(most)
        if not found and (first := self._consumer.consume(1, timeout)):
            found = [*first, *self._take(most - 1)]
        if found:
            self._untold = False
        messages = [message for message in found if message.error() is None or _is_data(message)]
        if before is None:
            return messages
        due = []
        early: dict[tuple[str, int], int] = {}
        for message in messages:
            topic, partition, offset = place(message)
            if offset < before.get(overlay.partition_field(topic, partition), 0):
                due.append(message)
            else:
                early.setdefault((topic, partition), offset)
        for (topic, partition), offset in early.items():
            self._consumer.seek(TopicPartition(topic, partition, offset))
        return due

    def _take(self, most: int) -> list[Message]:
        """What is here already."""
        # Asked for more than that, the consumer would wait for them all; a message waits for no other.
        found: list[Message] = []
        size, left = 0, most
        while left > 0 and size < ENOUGH:
            some = self._consumer.consume(min(SLICE, left), 0)
            found += some
            if len(some) < SLICE:
                break
            size += sum(map(len, some))
            left -= len(some)
        return found

    def note(self) -> None:
        """Tell Kafka, in time, that what was read is applied.

        For people who watch the lag; nothing depends on it.
        """
        self._untold = True
        self._tell()

    def _tell(self) -> None:
        now = monotonic()
        if self._untold and now - self._told_at >= NOTE_S:
            self._consumer.commit(asynchronous=True)
            self._untold, self._told_at = False, now

    def close(self) -> None:
        """Leave the group."""
        self._told_at = -inf
        try:
            self._tell()
        finally:
            self._consumer.close()


def place(message: Message) -> tuple[str, int, int]:
    """Topic, partition and offset."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None, "true of every message"  # noqa: PT018
    return topic, partition, offset


def _is_data(message: Message) -> bool:
    """Whether this is data; what librdkafka retries by itself is only noted."""
    error: Any = message.error()
    if error is None:
        return True
    if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaException(error)
    log.warning("Kafka: %s", error.str())
    return False
