"""What leaves the speed layer: changes of customers, and dead letters.

Changes wait in a Redis stream, where the commit that made them put them. They are taken out only once
the broker has them, so a crash sends them again rather than never; `change_id` tells a repetition. No
event waits for them: they are sent between two batches, and taken out between two later ones.
"""

from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, cast

from confluent_kafka import KafkaException, Producer
from redis import Redis

from schemas import CHANGES, DEAD_LETTERS, DeadLetter, encode, overlay
from speed_layer.changes import unpack

# How many entries are sent at a time; each holds the changes of one call, which is up to some hundred. Events
# that come meanwhile wait for some milliseconds.
CHUNK = 4

# How many entries may wait while the worker is busy: some hundred thousand changes.
MOST_WAITING = 2_000

# Seconds that what was sent has to arrive when the worker ends; the next one sends the rest again.
GRACE_S = 2.0

_BEGINNING, _AFTER = b"-", b"("
_NAME = cast("str", overlay.OUTBOX)


class _Parcel:
    """Messages that count as one: how many of them have not arrived yet, and what became of a lost one."""

    def __init__(self, messages: int, entry: bytes = b"") -> None:
        self.entry = entry
        self.messages = self.left = messages
        self.error: Any = None

    def delivered(self, error: Any, _: Any) -> None:  # noqa: ANN401 - confluent-kafka's callback
        if error is None:
            self.left -= 1
        else:
            self.error = error


class Outbox:
    """Sends to Kafka and knows what has arrived."""

    def __init__(self, redis: Redis, producer: Producer) -> None:
        self._redis = redis
        self._producer = producer
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what is on its way: what is still in Redis is sent, from the first on."""
        self._sent: deque[_Parcel] = deque()
        self._from = _BEGINNING
        self.more = False
        """Whether more may wait in Redis than was sent."""

    def send_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once the broker has them all. Raises KafkaException."""
        parcel = _Parcel(len(letters))
        for letter in letters:
            key = f"{letter.topic}:{letter.partition}:{letter.offset}".encode()
            self._send(DEAD_LETTERS, key, encode(letter), parcel)
        while parcel.left:
            self._producer.flush(1)  # in slices: a producer that is refused says so between them
            if parcel.error is not None:
                raise KafkaException(parcel.error)

    def relay(self, *, busy: bool = False) -> int:
        """Move changes on from Redis to Kafka; returns how many have arrived since the last call.

        Waits for nobody. While there are events to catch up with, changes may wait, but not without end.
        Raises KafkaException, and then sends again what has not arrived.
        """
        self._producer.poll(0)
        arrived = self._take_out()
        count = CHUNK
        if busy:
            waiting = self._redis.xlen(_NAME) - len(self._sent)
            count = max(waiting - MOST_WAITING, 0)
        entries = self._waiting(count) if count else []
        for entry, changes in entries:
            parcel = _Parcel(len(changes), entry)
            self._sent.append(parcel)
            self._from = _AFTER + entry
            for change in changes:
                self._send(CHANGES, None, encode(unpack(change).change()), parcel)
        self.more = 0 < count <= len(entries)
        return arrived

    def finish(self) -> int:
        """Give what was sent a moment to arrive; returns how many have. Raises KafkaException."""
        if self._sent:
            self._producer.flush(GRACE_S)
        return self._take_out()

    def _waiting(self, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = self._redis.xrange(_NAME, min=cast("str", self._from), count=count)
        return cast("list[tuple[bytes, dict[bytes, bytes]]]", found)

    def _take_out(self) -> int:
        """Take out of Redis what has arrived, in its order."""
        error = next((parcel.error for parcel in self._sent if parcel.error is not None), None)
        if error is not None:
            self.begin_again()
            raise KafkaException(error)
        arrived = [*takewhile(lambda parcel: not parcel.left, self._sent)]
        if arrived:
            self._redis.xdel(_NAME, *[parcel.entry for parcel in arrived])
        for _ in arrived:
            self._sent.popleft()
        return sum(parcel.messages for parcel in arrived)

    def _send(self, topic: str, key: bytes | None, value: bytes, parcel: _Parcel) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=parcel.delivered)
            except BufferError:  # the producer's queue is full: let it drain
                self._producer.poll(0.1)
            else:
                return
