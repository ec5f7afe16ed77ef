"""The message that first showed a link: links remember when they were taken in, and the log keeps to that."""

import asyncio
import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from deploy import bootstrap
from deploy.settings import Settings
from identity import Facts, Identifier, Observer, pair
from schemas import Malformed
from schemas.absorb import LOG, absorb, accept
from schemas.events import Consent, Decision
from serving_layer.history import Origin

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

# Seconds that a search may take, and for which it waits for messages at a time.
PATIENCE_S: Final = 5.0
WAIT_S: Final = 0.2

# Messages taken together, at most.
TOGETHER: Final = 1_000


class Finder:
    """Searches the log, one search of a process at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    async def __call__(
        self, tenant: str, a: Identifier, b: Identifier, at: int, observer: Observer
    ) -> Origin | None:
        """The message taken in at `at` (microseconds) that shows both; None where the log tells of none."""
        return await asyncio.to_thread(self._find, tenant, a, b, at, observer)

    def _find(self, tenant: str, a: Identifier, b: Identifier, at: int, observer: Observer) -> Origin | None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

        with self._lock:
            consumer = bootstrap.consumer(self._settings, "ucid-source")
            try:
                for message in _taken_in_at(consumer, at // 1_000):
                    origin = _shows(message, tenant, a, b, observer)
                    if origin is not None:
                        return origin
            except KafkaException:
                return None
            finally:
                consumer.close()
        return None


def _taken_in_at(consumer: "Consumer", at: int) -> "list[Message]":
    """The messages of the log with that append time, in milliseconds. Raises KafkaException."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - an extra

    asked = [
        TopicPartition(topic, partition, at)
        for topic in LOG
        for partition in range(bootstrap.PARTITIONS[topic])
    ]
    begin = [place for place in consumer.offsets_for_times(asked, timeout=PATIENCE_S) if place.offset >= 0]
    ends = {
        (place.topic, place.partition): consumer.get_watermark_offsets(place, timeout=PATIENCE_S)[1]
        for place in begin
    }
    consumer.assign(begin)
    found: list[Message] = []
    deadline = time.monotonic() + PATIENCE_S
    while ends and time.monotonic() < deadline:
        for message in consumer.consume(TOGETHER, WAIT_S):
            place = message.topic() or "", message.partition() or 0
            later = message.timestamp()[1] > at
            if message.error() is None and not later:
                found.append(message)
            if later or (message.offset() or 0) + 1 >= ends.get(place, 0):
                ends.pop(place, None)
    return found


def _shows(
    message: "Message", tenant: str, a: Identifier, b: Identifier, observer: Observer
) -> Origin | None:
    topic, partition, offset, value = message.topic(), message.partition(), message.offset(), message.value()
    assert topic is not None and partition is not None and offset is not None, "true of every message"  # noqa: PT018
    facts, at = Facts(), message.timestamp()[1] * 1_000
    try:
        record = accept(topic, value if isinstance(value, bytes) else None, at)
        absorb(record, observer, facts, at)
    except Malformed:
        return None
    if record.tenant != tenant or pair(a, b) not in facts.links:
        return None
    if isinstance(record, Decision):
        event_id = record.decision_id
    else:
        event_id = record.consent_id if isinstance(record, Consent) else record.event_id
    return Origin(topic=topic, partition=partition, offset=offset, event_id=event_id)
