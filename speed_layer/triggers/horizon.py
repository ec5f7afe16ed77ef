"""Until when all that was taken in has been routed: before that, nothing can be said not to have happened."""

import time
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, TopicPartition

# Seconds for the broker to answer.
PATIENCE_S = 10.0


class Horizon:
    """Compares how far the log reaches with how far this group, all its workers together, has come.

    A trigger that waits may fire when its time is over by the wall clock, and nothing that could end it lies
    unread, be it that a worker was away for an hour. `consumer` is of the same group and follows nothing.
    """

    def __init__(
        self,
        consumer: Consumer,
        partitions: Mapping[str, int],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._consumer = consumer
        self._partitions = [
            TopicPartition(topic, n) for topic, count in partitions.items() for n in range(count)
        ]
        self._clock = clock
        self._asked: tuple[int, dict[tuple[str, int], int]] | None = None

    def look(self) -> int | None:
        """A new horizon, microseconds since the epoch, or None where the group is on its way to one.

        Raises KafkaException.
        """
        if self._asked is None:
            now = self._clock()
            self._asked = (
                now,
                {(p.topic, p.partition): end for p in self._partitions if (end := self._end(p))},
            )
        now, ends = self._asked
        committed = self._consumer.committed(self._partitions, timeout=PATIENCE_S)
        if any(p.offset < ends.get((p.topic, p.partition), p.offset) for p in committed):
            return None
        self._asked = None
        return now

    def _end(self, partition: TopicPartition) -> int:
        """The offset after the last message; 0 where there is none."""
        low, high = self._consumer.get_watermark_offsets(partition, timeout=PATIENCE_S)
        return high if high > low else 0
