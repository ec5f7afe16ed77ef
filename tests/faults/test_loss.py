"""Redis without its data: a file cut short, FLUSHALL. What is lost is built again from the log."""

import os
from threading import Event

import pytest

from deploy.awaiting import until
from schemas import overlay
from tests.faults.beside import Beside
from tests.faults.form import times
from tests.faults.load import SELDOM, Load
from tests.faults.proof import publish_all, verify

SEED = 60

# Events a second that a view is built again from, at the least, on a machine that has another test to run.
BUILT_AGAIN = 1_000

pytestmark = [pytest.mark.stack, pytest.mark.slow]


class Asker(Beside):
    """Looks up all the time who was known before, and notes what is said of how fresh that is."""

    def __init__(self, ground, known):
        super().__init__(every=0.002)
        self._view = ground.view
        self._known = known
        self.answers = {True: 0, False: 0}  # whether stale -> how many
        self.wrong = []  # answers that claimed to be fresh, and knew less than was known before

    def look(self):
        found, freshness = self._view.lookup(self._known)
        self.answers[freshness.stale] += 1
        if not freshness.stale and any(one.customer is None for one in found):
            self.wrong.append(freshness)


def test_a_file_that_lost_its_end(ground, traffic, rng):
    """Data and offsets are lost together, and come again together."""
    ground.start_lone_worker()
    with Load(ground, traffic):
        for _ in range(times(4, 40)):
            ground.some_work(rng)
            begin = ground.redis.info("persistence")["aof_base_size"]
            ground.servers.kill("redis")
            file = ground.servers.append_only_file()
            # What a rewrite wrote is on disk since long, and since Redis 7 in another file; what came later
            # need not be.
            begin = 0 if ".incr" in file.suffixes else begin
            size = file.stat().st_size
            # A command in half, a few of them, many batches.
            lost = rng.choice([1, rng.randrange(1_000), rng.randrange(size - begin)])
            os.truncate(file, max(begin, size - lost))
            ground.servers.up()
    verify(ground, story="somehow")


def some_known(ground, rng, count=200):
    """Identifiers that readers can find at this moment."""
    return rng.sample(sorted(x for members in ground.export().values() for x in members), count)


def await_fresh(ground, asker):
    """Until lookups said `stale`, and then were fresh for a while."""
    until(lambda: asker.answers[True], "lookups to say that they are stale")
    # Of the whole log, which grows all the time.
    patience = 120.0 + len(ground.sent) / BUILT_AGAIN
    until(lambda: not ground.view.freshness().stale, "the view to be whole again", patience)
    enough = asker.answers[False] + 5
    until(lambda: asker.answers[False] > enough, "lookups to be fresh")


def test_a_flushed_redis_is_built_again_while_lookups_say_stale(ground, traffic, rng):
    worker = ground.start_lone_worker()
    ground.give(traffic.messages(3_000))
    for _ in range(times(2, 20)):
        ground.await_applied()
        with Asker(ground, some_known(ground, rng)) as asker, Load(ground, traffic, SELDOM):
            ground.some_work(rng)
            ground.redis.flushall()
            await_fresh(ground, asker)
        assert asker.wrong == []
    verify(ground, story="in order")
    assert worker.poll() is None


def test_a_worker_that_dies_while_a_flushed_redis_is_built_again(ground, traffic, rng):
    for _ in range(times(1, 10)):
        ground.start_worker()
        ground.start_worker()
        ground.await_applied()
        with Asker(ground, some_known(ground, rng)) as asker, Load(ground, traffic, SELDOM):
            ground.redis.flushall()
            until(lambda: ground.redis.exists(overlay.GOAL), "a worker to begin anew", every=0.002)
            Event().wait(rng.uniform(0, 0.5))
            ground.kill_worker()
            await_fresh(ground, asker)
        assert asker.wrong == []
        ground.stop_workers()
    ground.start_worker()
    verify(ground, story="somehow")


def test_a_redis_that_is_flushed_during_a_handover(ground, traffic, rng):
    worker = ground.start_lone_worker()
    ground.await_applied()
    with Asker(ground, some_known(ground, rng)) as asker:
        publish_all(ground)
        with Load(ground, traffic):
            until(lambda: ground.redis.exists(overlay.epoch_key(1)), "the next view to be begun", every=0.001)
            ground.redis.flushall()
            ground.await_generation(1)
            await_fresh(ground, asker)
    assert asker.wrong == []
    verify(ground, story="somehow")
    assert worker.poll() is None
