"""Waiting for the system to have done something, by asking it rather than the clock."""

import time
from collections.abc import Callable
from typing import cast

from confluent_kafka import Consumer, TopicPartition
from redis import Redis
from redis.exceptions import RedisError

from batch_layer.watermarks import watermarks
from schemas import TOPICS, overlay
from schemas.absorb import LOG
from speed_layer.view import read_offsets


class TooLong(RuntimeError):
    """What was waited for did not happen in time."""


def until(done: Callable[[], bool], what: str, deadline: float = 120.0, every: float = 0.05) -> None:
    """Return once `done()` says so. Raises TooLong after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not done():
        if time.monotonic() > end:
            raise TooLong(f"waited {deadline:.0f} s for {what}")
        time.sleep(every)


def log_end(consumer: Consumer, timeout: float = 10) -> dict[bytes, int]:
    """The offset after the last message of each partition of the log.

    `timeout`: seconds that Kafka has to answer for each. Raises KafkaException.
    """
    return {
        overlay.partition_field(topic, partition): watermarks(
            consumer, TopicPartition(topic, partition), timeout
        )[1]
        for topic in LOG
        for partition in range(TOPICS[topic].partitions)
    }


def live_generation(redis: Redis) -> int | None:
    """The generation that readers stand on."""
    found = redis.get(overlay.LIVE)
    return int(found) if isinstance(found, bytes) else None


def readers(redis: Redis) -> int | None:
    """The same, and None where Redis cannot say."""
    try:
        return live_generation(redis)
    except RedisError:
        return None


def is_applied(redis: Redis, offsets: dict[bytes, int]) -> bool:
    """Whether readers see everything below these offsets, and all that follows from it."""
    number = live_generation(redis)
    if number is None:
        return False
    reached = read_offsets(redis, number)
    waiting = redis.xlen(cast("str", overlay.side_key(number)))
    return not waiting and all(reached.get(field, 0) >= offset for field, offset in offsets.items())
