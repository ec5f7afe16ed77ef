"""The broker restarted, hanging, out of disk."""

from threading import Event

import pytest

from tests.faults.form import times
from tests.faults.load import Load
from tests.faults.proof import verify

SEED = 40

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_a_broker_that_is_killed_and_comes_back(ground, traffic, rng):
    worker = ground.start_worker()
    with Load(ground, traffic):
        for _ in range(times(2, 20)):
            ground.some_work(rng)
            ground.servers.kill("kafka")
            ground.servers.up()
    verify(ground)
    assert worker.poll() is None


def test_without_a_broker_nothing_counts_as_applied_that_was_not_told(ground, traffic, rng):
    """A worker that is killed while its dead letters and changes wait for the broker takes them along."""
    ground.start_lone_worker()
    with Load(ground, traffic):
        for seconds in times([1], [1, 10, 30] * 5):
            ground.some_work(rng)
            with ground.servers.frozen("kafka"):
                Event().wait(seconds)
                ground.kill_worker()
                worker = ground.start_lone_worker()
    verify(ground)
    assert worker.poll() is None


def test_a_broker_whose_disk_is_full_loses_nothing_that_it_acknowledged(ground, traffic, rng):
    worker = ground.start_worker()
    with Load(ground, traffic):
        for _ in range(times(1, 5)):
            ground.some_work(rng)
            # It can write nothing any more, and ends itself rather than go on without its disk.
            with ground.servers.disk_full_at("kafka", 0):
                assert ground.servers.ended("kafka")
            ground.servers.up()
    verify(ground)
    assert worker.poll() is None
