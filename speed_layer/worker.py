"""The worker: keeps the live view current, and builds the next one when readers are to stand on another.

That is the newest generation, or the one that they are held at (`schemas.generation.wanted`): the way back to
an older one is the way on to a newer.

It may die at any moment: all state is in Redis, and the next one goes on from there. Redis in turn may lose
its data, and a worker its view. Each view has an epoch, a random name that every write compares; where
nothing is left, the view on the newest generation is built again, out of readers' sight until it is whole
(`speed_layer.rise`), and tells what it does: what the lost outbox held must be told again.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

from confluent_kafka import Consumer, KafkaException
from redis import Redis
from redis.exceptions import RedisError

from schemas import overlay
from schemas.generation import open_generation, wanted
from schemas.ledger import Ledger
from speed_layer.erasures import ErasureLog
from speed_layer.errors import LostView, Outdated, SpeedError
from speed_layer.handover import Handover
from speed_layer.lane import Lane
from speed_layer.metrics import Metrics
from speed_layer.outbox import Outbox
from speed_layer.restart import is_whole
from speed_layer.rewriting import Rewriting
from speed_layer.rise import Rise

log = logging.getLogger(__name__)

# How long to wait for messages before looking after everything else.
IDLE_S = 0.05

# A batch of so many says that there are more: changes wait for the events.
BUSY = 20_000

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
        side_lane: Callable[[], object] = lambda: None,
        erasures: Callable[[], Consumer] | None = None,
    ) -> None:
        """`consumer` makes a consumer for the lane on a generation, `side_lane` starts one.

        `erasures` makes a consumer for the topic of erasures; without it there are none.
        """
        self._erasures = erasures
        self._side_lane = side_lane
        self._metrics = metrics or Metrics()
        self._redis = redis
        self._generations = generations
        self._consumer = consumer
        self._outbox = outbox
        self._id_key = id_key
        self._handover = Handover(redis)
        self._rewriting = Rewriting(redis)
        self._lanes: dict[int, Lane] = {}
        self._rise: Rise | None = None
        self._run = ""  # of Redis, when we looked last

    def run(self, stop: Event) -> None:
        """Work until `stop` is set. Raises NoGeneration, and Contention; rides out everything else."""
        wait = BACKOFF_S[0]
        try:
            while not stop.is_set():
                try:
                    self.step()
                    wait = BACKOFF_S[0]
                except (RedisError, KafkaException, LostView, Outdated) as error:
                    # What was in hand may be half applied: begin again where the view says it stands.
                    self._metrics.failed(error)
                    log.warning("trying again in %.1f s: %s", wait, error)
                    self.close()
                    stop.wait(wait)
                    wait = min(2 * wait, BACKOFF_S[1])
            with suppress(RedisError, KafkaException):
                self._metrics.relayed(self._outbox.finish())
        finally:
            self.close()

    def step(self) -> int:
        """Apply one batch to each view; returns how many messages and changes have arrived."""
        target = wanted(self._generations)
        live, whole = self._look(target)
        target = live if target is None else target
        if target is None:
            raise NoGeneration(
                f"there is no generation in {self._generations}: run 'ucid up' or 'ucid batch' first"
            )
        number = target if live is None else live
        if whole:
            done = self._work(live, number, target)
        else:
            done = 0
            time.sleep(IDLE_S)
        self._metrics.turned(number)
        return done

    def _work(self, live: int | None, number: int, target: int) -> int:
        for other in self._lanes.keys() - {number, target}:
            self._lanes.pop(other).close()
        first = not self._lanes
        lane = self._lane(number)
        if live is None:
            done = self._begin_anew(lane)
        else:
            self._drop_rise()
            if first:
                self._handover.clear(lane.generation)  # a worker may have died over it
            # Changes that wait are no reason to be idle.
            wait = 0 if self._outbox.more else IDLE_S
            if target != live and self._handover.may_begin(target, lane.generation):
                done = self._hand_over(lane, self._lane(target))
            else:
                done = lane.step(wait)
                self._rewriting.step(lane.generation)
        relayed = self._outbox.relay(busy=done >= BUSY)
        self._metrics.relayed(relayed)
        return done + relayed

    def close(self) -> None:
        """Leave all consumer groups; the views, and what waits in the outbox, stay for the next worker."""
        self._drop_rise()
        self._outbox.begin_again()
        while self._lanes:
            _, lane = self._lanes.popitem()
            with suppress(KafkaException):
                lane.close()

    def _look(self, target: int | None) -> tuple[int | None, bool]:
        """The generation that readers stand on, if any, and whether Redis may be written to.

        `target` is the one that they should stand on.

        Raises LostView if Redis may have lost something.
        """
        lanes = list(self._lanes.values())
        epochs = [overlay.epoch_key(lane.generation.number) for lane in lanes]
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.mget(overlay.LIVE, overlay.RUN, *epochs)
        pipeline.info("server")
        pipeline.exists(overlay.LEASE)
        for lane in lanes:
            pipeline.xlen(overlay.side_key(lane.generation.number))
        (found, noted, *known), server, leased, *waiting = pipeline.execute()
        self._metrics.pending(sum(waiting))
        if any(waiting) and not leased:
            self._side_lane()
        live = int(found) if found is not None else None
        run, before, self._run = server["run_id"], self._run, server["run_id"]
        # A quiet stream commits nothing that would tell us. What readers have left may go.
        kept = [
            (lane, epoch)
            for lane, epoch in zip(lanes, known, strict=True)
            if live is None or lane.generation.number in {live, target}
        ]
        if any(lane.state.epoch != epoch for lane, epoch in kept):
            raise LostView("a view is gone from Redis: it is built again")
        if lanes and run != before:
            # Its file may have lost its end, and views may stand where they stood a while ago.
            raise LostView("Redis was started again: the views go on from where it says they stand")
        return live, is_whole(self._redis, run, noted)

    def _lane(self, number: int) -> Lane:
        lane = self._lanes.get(number)
        if lane is None:
            generation = open_generation(self._generations, number)
            consumer = self._consumer(number)
            erasures = None
            if self._erasures is not None:
                erasures = ErasureLog(self._erasures(), Ledger(self._id_key))
            lane = Lane(
                self._redis, generation, consumer, self._outbox, self._id_key, self._metrics, erasures
            )
            self._lanes[number] = lane
            log.info("view on generation %d: following the log", number)
        return lane

    def _begin_anew(self, lane: Lane) -> int:
        """Apply a batch to a view that no reader stands on, and let them on if that was the last."""
        done = lane.step(IDLE_S)
        number = lane.generation.number
        if self._rise is None:
            self._rise = Rise(self._redis, self._consumer(number))
        if self._rise.complete(number, lane.state.epoch, idle=not done):
            log.info("readers stand on generation %d and the stream", number)
            self._drop_rise()
        return done

    def _drop_rise(self) -> None:
        if self._rise is not None:
            self._rise.close()
            self._rise = None

    def _hand_over(self, lane: Lane, next_: Lane) -> int:
        """A step from the live view to the one on the next generation."""
        done, moved = self._handover.step(lane, next_, IDLE_S)
        if moved:
            self._metrics.handover()
            self._lanes.pop(lane.generation.number).close()
            self._handover.clear(next_.generation)
        return done
