"""Dropping from Redis what no reader needs any more: a view that was left, ids of the erased."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import cast

from redis import Redis

from identity import Identifier
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


def forget_ids(redis: Redis, tenant: str, anchors: Collection[Identifier]) -> None:
    """Drop the ids, not published yet, that were minted from identifiers which are erased.

    Should one of these come again, as somebody new, it must not be found under an old id. Nothing leads from
    an anchor to all its ids, so all buckets, at most 32,768, are looked through: erasures are rare.
    """
    digests = {records.identifier_digest(x) for x in anchors}
    for keys in _scan(redis, overlay.ROOT + records.tenant_prefix(b"i", tenant)):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(cast("str", key))
        for key, found in zip(keys, pipeline.execute(), strict=True):
            gone = [field for field, anchor in found.items() if anchor in digests]
            if gone:
                redis.hdel(cast("str", key), *gone)


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
