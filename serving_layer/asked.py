"""Erasures that one has asked for, and that wait for another to approve them.

They stand in Redis, where all servers see them, and in no log: until one is approved nothing has happened. It
stands in the audit log that somebody asked, so a request that Redis lost can be asked for again.
"""

import time
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas import Unavailable, overlay

# Requests that wait for longer are dropped, so that nobody's identifiers wait for ever: microseconds.
KEPT: Final = 30 * 86_400_000_000

# Requests of a tenant that may wait at a time.
MOST: Final = 1_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request: whom to forget, as `serving_layer.web.erasures.Wish` says it; who asked, when and why."""

    request: str
    at: int
    who: str
    name: str
    type: str
    value: str
    only: bool
    why: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Asked).decode


class Waiting:
    """Requests of all tenants. All methods raise Unavailable where Redis does not answer."""

    def __init__(self, redis: Redis, clock: Callable[[], int] = time.time_ns) -> None:
        self._redis = redis
        self._clock = clock

    async def put(self, tenant: str, asked: Asked) -> bool:
        """Keep a request; False where too many wait already."""
        if len(await self.all(tenant)) >= MOST:
            return False
        await _answered(self._redis.hset(_key(tenant), asked.request, cast("str", _encode(asked))))
        return True

    async def all(self, tenant: str) -> list[Asked]:
        """Those that wait, oldest first; the ones that waited too long are dropped."""
        held: dict[bytes, bytes] = await _answered(self._redis.hgetall(_key(tenant)))
        found = [_decode(data) for data in held.values()]
        oldest = self._clock() // 1_000 - KEPT
        if over := [asked.request for asked in found if asked.at < oldest]:
            await _answered(self._redis.hdel(_key(tenant), *over))
        return sorted((asked for asked in found if asked.at >= oldest), key=lambda asked: asked.at)

    async def find(self, tenant: str, request: str) -> Asked | None:
        """One of them."""
        return next((asked for asked in await self.all(tenant) if asked.request == request), None)

    async def drop(self, tenant: str, request: str) -> None:
        """Forget one; who does it again changes nothing."""
        await _answered(self._redis.hdel(_key(tenant), request))


def _key(tenant: str) -> str:
    return cast("str", overlay.asked_key(tenant))


async def _answered(reply: Any) -> Any:  # noqa: ANN401 - redis types half of it
    try:
        return await reply
    except RedisError:
        raise Unavailable("Redis does not answer, and the requests are there: try again") from None
