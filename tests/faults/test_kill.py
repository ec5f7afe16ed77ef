"""Kill -9 at random moments under load: nothing is lost, nothing is merged that should not be."""

import random
from threading import Event

import pytest

from tests.faults.form import times
from tests.faults.proof import verify
from tests.faults.traffic import Traffic

pytestmark = [pytest.mark.stack, pytest.mark.slow]

KILLS = times(20, 300)
SHARE = 400


def test_workers_that_are_killed_under_load(ground):
    rng = random.Random(20)
    traffic = Traffic(rng)
    for _ in range(KILLS):
        ground.give(traffic.messages(SHARE))
        ground.start_lone_worker()
        ground.await_progress()
        ground.give(traffic.messages(SHARE))
        # Anywhere in the work on it: about so long it takes.
        Event().wait(rng.uniform(0, 0.2))
        ground.kill_worker()
    ground.start_lone_worker()
    verify(ground)
