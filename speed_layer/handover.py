"""From a generation to the next, without a gap for readers; back to an older one the same way.

1. Generation g+1 appears, or readers are to go back to g-1. Beside the live lane on g a second one begins at
   that generation's cut-off. It is silent (changes and dead letters are told by the live lane) and never
   runs ahead of the live one.
2. When it is nearly level, the live lanes of all workers pause, for a bounded time.
3. When both views hold the same offsets, the new one has heard of all erasures that the old one has, and
   nothing waits for its side lane, one script moves the pointer: all readers stand on g+1.
4. The keys of the view on g go. What an id was minted from stays, if g+1 did not publish that id: it was
   told to the world, and goes on meaning the customer that its identifier is part of.

All state is in Redis: what a worker that dies in between leaves, the next one finishes.
"""

import logging
from typing import cast

from redis import Redis

from schemas import overlay
from schemas.generation import Generation
from speed_layer.forget import forget
from speed_layer.lane import Lane
from speed_layer.view import script

log = logging.getLogger(__name__)

# A lane that is no further behind than this is level within moments.
NEARLY = 20_000

# The longest that a handover may hold up the live view, should the worker that asked for it die.
PAUSE_MS = 5_000


class Handover:
    """One worker's part in it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._switch = script(redis, "switch.lua")
        self._leave = script(redis, "leave.lua")

    def step(self, live: Lane, next_: Lane, timeout: float) -> tuple[int, bool]:
        """Apply a batch to each view; returns how many messages, and whether readers moved on."""
        paused = self._redis.exists(overlay.PAUSE)
        done = 0 if paused else live.step(timeout)
        before = live.state.offsets()
        done += next_.step(timeout, before)
        reached = next_.state.offsets()
        behind = [offset - reached.get(field, 0) for field, offset in before.items()]
        # Negative where the live view has not come as far as the cut-off: it is not to pause yet.
        if min(behind, default=-1) >= 0 and sum(behind) <= NEARLY and not paused:
            self._redis.set(overlay.PAUSE, 1, px=PAUSE_MS)
        old, new = live.generation.number, next_.generation.number
        offsets = [overlay.offsets_key(old), overlay.offsets_key(new)]
        through = [overlay.through_key(old), overlay.through_key(new)]
        keys = [overlay.LIVE, *offsets, overlay.PAUSE, *through, overlay.LEFT, overlay.side_key(new)]
        keys += [overlay.erasures_key(old), overlay.erasures_key(new)]
        moved = bool(self._switch(keys=keys, args=[old, new]))
        if moved:
            log.info("handover: readers stand on generation %d", new)
        return done, moved

    def may_begin(self, number: int, live: Generation) -> bool:
        """Whether a view may be built on that generation: not before what is left of one is cleared away."""
        if not self._redis.sismember(cast("str", overlay.LEFT), cast("str", number)):
            return True
        self.clear(live)
        return False

    def clear(self, live: Generation) -> None:
        """Step 4, for all views that readers have left."""
        for left in cast("set[bytes]", self._redis.smembers(cast("str", overlay.LEFT))):
            number = int(left)
            # First the epoch, so that a worker that was frozen and comes late finds nothing to write to.
            if self._leave(keys=[overlay.LEFT, overlay.epoch_key(number)], args=[number]):
                forget(self._redis, number, live)
                self._redis.srem(cast("str", overlay.LEFT), left)
