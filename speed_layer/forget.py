"""Dropping from Redis what no reader needs any more, once readers stand on a new generation."""

from collections.abc import Iterator
from itertools import islice
from typing import cast

from redis import Redis

from schemas import overlay, records
from schemas.generation import Generation
from speed_layer.view import script

# How many keys are dropped at a time.
TOGETHER = 1_000


def forget(redis: Redis, number: int, now: Generation) -> None:
    """Drop the keys of the view on generation `number`, and the ids that generation `now` publishes."""
    drop = script(redis, "forget.lua")
    for keys in _scan(redis, overlay.view_prefix(number)):
        if not drop(keys=[overlay.epoch_key(number), *keys]):
            return
    for keys in _scan(redis, overlay.ROOT + b"i"):
        for key in keys:
            _forget_published(redis, key, now)


def _forget_published(redis: Redis, key: bytes, now: Generation) -> None:
    tenant, bucket = overlay.id_bucket(key)
    fields = {
        records.id_key(tenant, (bucket + field).decode()): field
        for field in cast("list[bytes]", redis.hkeys(cast("str", key)))
    }
    published = [fields[found] for found in now.get(fields)]
    if published:
        redis.hdel(cast("str", key), *cast("list[str]", published))


def _scan(redis: Redis, prefix: bytes) -> Iterator[list[bytes]]:
    keys = redis.scan_iter(match=prefix + b"*", count=TOGETHER)
    while batch := list(islice(keys, TOGETHER)):
        yield batch
