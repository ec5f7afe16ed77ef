"""The worker: keeps the live view current, and builds the next one when a generation appears.

Handover, step by step; readers never see a gap:

1. Generation g+1 appears. Beside the live lane on g a second one begins at g+1's cut-off. It is silent
   (changes and dead letters are told by the live lane) and never runs ahead of the live one.
2. When it is nearly level, the live lanes of all workers pause, for a bounded time.
3. When both views hold the same offsets, one script moves the pointer: all readers stand on g+1.
4. The keys of the view on g go. What an id was minted from stays, if g+1 did not publish that id: it was
   told to the world, and goes on meaning the customer that its identifier is part of.

A worker that dies in between leaves a view that the next one finishes: all state is in Redis.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import cast

from confluent_kafka import Consumer, KafkaException
from redis import Redis
from redis.exceptions import RedisError

from schemas import overlay
from schemas.generation import numbers, open_generation
from speed_layer.errors import LostView, SpeedError
from speed_layer.forget import forget
from speed_layer.lane import FEWEST, Lane
from speed_layer.metrics import Metrics
from speed_layer.outbox import Outbox
from speed_layer.view import script

log = logging.getLogger(__name__)

# A lane that is no further behind than this is level within moments.
NEARLY = 20_000

# The longest that a handover may hold up the live view, should the worker that asked for it die.
PAUSE_MS = 5_000

# How long to wait for messages before looking after everything else.
IDLE_S = 0.05

# A batch of so many says that there may be more: changes wait for the events.
BUSY = FEWEST

# Redis or Kafka away: seconds to wait, doubling from the first to the second.
BACKOFF_S = (0.2, 5.0)


class NoGeneration(SpeedError):
    """Nothing to build on: neither rules nor offsets are known."""


class Worker:
    """One process's share of the speed layer."""

    def __init__(
        self,
        redis: Redis,
        generations: Path,
        consumer: Callable[[int], Consumer],
        outbox: Outbox,
        id_key: bytes,
        metrics: Metrics | None = None,
    ) -> None:
        """`consumer` makes a consumer for the lane on a generation."""
        self._metrics = metrics or Metrics()
        self._redis = redis
        self._generations = generations
        self._consumer = consumer
        self._outbox = outbox
        self._id_key = id_key
        self._switch = script(redis, "switch.lua")
        self._lanes: dict[int, Lane] = {}

    def run(self, stop: Event) -> None:
        """Work until `stop` is set. Raises NoGeneration, and Contention; rides out everything else."""
        wait = BACKOFF_S[0]
        try:
            while not stop.is_set():
                try:
                    self.step()
                    wait = BACKOFF_S[0]
                except (RedisError, KafkaException, LostView) as error:
                    # What was in hand may be half applied: begin again where the view says it stands.
                    self._metrics.failed(error)
                    log.warning("trying again in %.1f s: %s", wait, error)
                    self.close()
                    stop.wait(wait)
                    wait = min(2 * wait, BACKOFF_S[1])
        finally:
            self.close()

    def step(self) -> int:
        """Apply one batch to each view; returns how many messages and changes went through."""
        number = self._live_number()
        newest = max(numbers(self._generations), default=number)
        for other in self._lanes.keys() - {number, newest}:
            self._lanes.pop(other).close()
        live = self._lane(number)
        done = self._build(self._lane(newest), live) if newest > number else live.step(IDLE_S)
        relayed = self._outbox.relay(busy=done >= BUSY)
        self._metrics.relayed(relayed)
        self._metrics.turned(number)
        return done + relayed

    def close(self) -> None:
        """Leave all consumer groups; the views stay for the next worker."""
        while self._lanes:
            _, lane = self._lanes.popitem()
            with suppress(KafkaException):
                lane.close()

    def _live_number(self) -> int:
        """The generation that readers stand on; the newest one where Redis is empty."""
        lanes = list(self._lanes.values())
        epochs = [overlay.epoch_key(lane.generation.number) for lane in lanes]
        found, *known = cast("list[bytes | None]", self._redis.mget(overlay.LIVE, *epochs))
        if known != [lane.state.epoch for lane in lanes]:
            # A quiet stream commits nothing that would tell us.
            raise LostView("a view is gone from Redis: it is built again")
        if found is not None:
            return int(found)
        published = numbers(self._generations)
        if not published:
            raise NoGeneration(
                f"there is no generation in {self._generations}: run 'ucid up' or 'ucid batch' first"
            )
        self._redis.set(overlay.LIVE, published[-1], nx=True)
        return self._live_number()

    def _lane(self, number: int) -> Lane:
        lane = self._lanes.get(number)
        if lane is None:
            generation = open_generation(self._generations, number)
            consumer = self._consumer(number)
            lane = Lane(self._redis, generation, consumer, self._outbox, self._id_key, self._metrics)
            self._lanes[number] = lane
            log.info("view on generation %d: following the log", number)
        return lane

    def _build(self, next_: Lane, live: Lane) -> int:
        """Steps 1 to 4 above, a batch at a time."""
        paused = self._redis.exists(overlay.PAUSE)
        done = 0 if paused else live.step(IDLE_S)
        before = live.state.offsets()
        done += next_.step(IDLE_S, before)
        reached = next_.state.offsets()
        behind = [offset - reached.get(field, 0) for field, offset in before.items()]
        # Negative where the live view has not come as far as the cut-off: it is not to pause yet.
        if min(behind, default=-1) >= 0 and sum(behind) <= NEARLY and not paused:
            self._redis.set(overlay.PAUSE, 1, px=PAUSE_MS)
        old, new = live.generation.number, next_.generation.number
        offsets = [overlay.offsets_key(old), overlay.offsets_key(new)]
        through = [overlay.through_key(old), overlay.through_key(new)]
        keys = [overlay.LIVE, *offsets, overlay.PAUSE, *through]
        if self._switch(keys=keys, args=[old, new]):
            self._metrics.handover()
            log.info("handover: readers stand on generation %d", new)
            self._lanes.pop(old).close()
            forget(self._redis, old, next_.generation)
        return done
