"""Which calls were taken already: in Redis, until they would be too old anyway."""

from enum import Enum, auto
from hashlib import blake2b
from typing import cast

from redis import Redis

from schemas import overlay

_BEGUN, _TAKEN = b"?", b"!"


class Known(Enum):
    """What is known of a call."""

    NEW = auto()
    """Nothing; or it was begun and nobody said that it was taken."""
    TAKEN = auto()
    """All of it was taken."""
    ANOTHER = auto()
    """What should name one call named one with other content."""


class Replays:
    """Remembers calls. Two copies of one call may both be NEW; then both give the same events."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, key: bytes, content: bytes, keep: int) -> Known:
        """Look up a call, and claim its key for this content for `keep` microseconds. Raises RedisError."""
        name = cast("str", key)
        mark = _digest(content)
        if self._redis.set(name, _BEGUN + mark, nx=True, px=_milliseconds(keep)):
            return Known.NEW
        found = cast("bytes | None", self._redis.get(name)) or _BEGUN + mark  # it has expired just now
        if found[1:] != mark:
            return Known.ANOTHER
        return Known.TAKEN if found[:1] == _TAKEN else Known.NEW

    def taken(self, key: bytes, content: bytes, keep: int) -> None:
        """All of a call was taken. Raises RedisError."""
        self._redis.set(cast("str", key), _TAKEN + _digest(content), px=_milliseconds(keep))


def call_key(tenant: str, endpoint: str, once: bytes) -> bytes:
    """The key of a call to an endpoint."""
    return overlay.call_key(tenant, _digest(endpoint.encode() + b"\0" + once))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=overlay.CALL_DIGEST).digest()


def _milliseconds(microseconds: int) -> int:
    return -(-microseconds // 1_000)
