"""From an empty Redis to readers on a whole view: nobody is shown a graph that is half built.

After a FLUSHALL (or with a disk that was lost, or at the very first start) nothing says where readers
stand, so they answer from the generation alone and say `stale`. The view is begun at the generation's
cut-off, and the log's end at that moment is put down beside it as the goal: all that anybody may have been
shown before lies below. Readers are let on when the view's offsets have reached it, by whichever worker
sees that first; which of them applied what, and who of them died meanwhile, makes no difference.
"""

from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from redis import Redis

from schemas import overlay
from schemas.absorb import LOG
from speed_layer.errors import LostView
from speed_layer.view import script

# Seconds for the broker to say how long a partition is.
_PATIENCE = 10.0


class Rise:
    """The way up, as one worker sees it; made after the view was begun."""

    def __init__(self, redis: Redis, consumer: Consumer) -> None:
        """`consumer` is to be idle: where one waits for messages, questions wait behind it."""
        self._consumer = consumer
        self._script = script(redis, "rise.lua")
        self._bounds: list[Any] = []

    def complete(self, number: int, epoch: bytes, *, idle: bool) -> bool:
        """Whether readers stand on a view; lets them on to this one where it has reached the goal.

        `idle` says that no message has come: then the log is asked whether the rest is still there. Raises
        LostView, KafkaException.
        """
        if idle or not self._bounds:
            self._bounds = _bounds(self._consumer)
        keys = [overlay.LIVE, overlay.GOAL, overlay.epoch_key(number), overlay.offsets_key(number)]
        outcome = self._script(keys=keys, args=[number, epoch, *self._bounds])
        if outcome == b"epoch":
            raise LostView("the view that was being built is gone from Redis")
        return bool(outcome)

    def close(self) -> None:
        """Leave Kafka alone."""
        with suppress(KafkaException):
            self._consumer.close()


def _bounds(consumer: Consumer) -> list[Any]:
    """For each partition of the log its field, its first offset and the one after its last."""
    bounds: list[Any] = []
    for name in LOG:
        topic = consumer.list_topics(name, timeout=_PATIENCE).topics[name]
        if topic.error is not None:
            raise KafkaException(topic.error)
        for partition in topic.partitions:
            first, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_PATIENCE)
            bounds += [overlay.partition_field(name, partition), first, end]
    return bounds
