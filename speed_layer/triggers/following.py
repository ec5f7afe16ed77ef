"""Whether the view that answers rest on has an event in it already."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import cast

from redis import Redis

from schemas import overlay
from speed_layer.view import read_offsets

# Seconds between two looks while somebody waits.
EVERY_S = 0.02

# Seconds after which it is told that somebody waits, and again after as many more.
LATE_S = 10.0

log = logging.getLogger(__name__)


class Following:
    """Waits for the workers of the speed layer: whose an event is shows when they have applied it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reached: Mapping[bytes, int] = {}

    async def applied(self, needed: Mapping[tuple[str, int], int]) -> None:
        """Return when readers see all of these: (topic, partition) -> offset. Raises RedisError."""
        wanted = {overlay.partition_field(*where): offset for where, offset in needed.items()}
        late = time.monotonic() + LATE_S
        while not self._has(wanted):
            self._reached = await asyncio.to_thread(self._look)
            if not self._has(wanted):
                await asyncio.sleep(EVERY_S)
            if time.monotonic() > late:
                log.warning("events wait for the speed layer to apply them: does 'ucid speed' run?")
                late += LATE_S

    def _has(self, wanted: Mapping[bytes, int]) -> bool:
        return all(self._reached.get(field, 0) > offset for field, offset in wanted.items())

    def _look(self) -> Mapping[bytes, int]:
        live = cast("bytes | None", self._redis.get(overlay.LIVE))
        return read_offsets(self._redis, int(live)) if live is not None else {}
