"""What leaves the speed layer: changes of customers, and dead letters.

Changes wait in a Redis stream, where the commit that made them put them. They are taken out only once
the broker has them, so a crash sends them again rather than never; `change_id` tells a repetition.
"""

from collections.abc import Iterable
from typing import Any, cast

from confluent_kafka import KafkaException, Producer
from redis import Redis

from schemas import CHANGES, DEAD_LETTERS, DeadLetter, encode, overlay
from speed_layer.changes import unpack

# How many entries are relayed at a time; each holds the changes of one call, which is up to some hundred.
CHUNK = 20

# How many entries may wait while the worker is busy: some hundred thousand changes.
MOST_WAITING = 2_000


class Outbox:
    """Sends to Kafka and knows what has arrived."""

    def __init__(self, redis: Redis, producer: Producer) -> None:
        self._redis = redis
        self._producer = producer
        self._failed: list[Any] = []

    def send_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Returns once the broker has them all. Raises KafkaException."""
        for letter in letters:
            key = f"{letter.topic}:{letter.partition}:{letter.offset}".encode()
            self._send(DEAD_LETTERS, key, encode(letter))
        self._flush()

    def relay(self, *, busy: bool = False) -> int:
        """Move changes from Redis to Kafka; returns how many. Raises KafkaException.

        While there are events to catch up with, changes may wait, but not without end.
        """
        name = cast("str", overlay.OUTBOX)
        if busy and self._redis.xlen(name) < MOST_WAITING:
            return 0
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", self._redis.xrange(name, count=CHUNK))
        told = [change for _, fields in entries for change in fields]
        for change in told:
            self._send(CHANGES, None, encode(unpack(change).change()))
        self._flush()
        if entries:
            self._redis.xdel(name, *[entry for entry, _ in entries])
        return len(told)

    def _send(self, topic: str, key: bytes | None, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._delivered)
            except BufferError:  # the producer's queue is full: let it drain
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: Any, _: Any) -> None:  # noqa: ANN401 - confluent-kafka's callback
        if error is not None:
            self._failed.append(error)

    def _flush(self) -> None:
        while self._producer.flush(1):  # in slices: a producer that is refused says so between them
            pass
        failed, self._failed = self._failed, []
        if failed:
            raise KafkaException(failed[0])
