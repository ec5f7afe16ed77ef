"""Kill -9 at random moments under load: nothing is lost, nothing is merged that should not be."""

import random

import pytest

from deploy.awaiting import until
from tests.faults.form import times
from tests.integration.system import COMMIT_RULES, COMMITS, commit_events, simulate

RULES = COMMIT_RULES
KILLS = times(6, 20)

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(not COMMITS.exists(), reason=f"needs {COMMITS}"),
]


def test_kills_under_load(system, tmp_path):
    rng = random.Random(20)
    lines = [line for line, _ in commit_events()]
    system.start_worker()
    share = len(lines) // KILLS
    for i in range(KILLS):
        end = len(lines) if i == KILLS - 1 else (i + 1) * share
        seen = system.applied()
        sent = system.send(lines[i * share : end])
        # Somewhere between "has begun" and "is nearly done" with what was just sent.
        goal = seen + rng.randrange(1, sent)
        until(lambda goal=goal: system.applied() >= goal, f"kill {i}: the worker to reach {goal}")
        system.kill_worker()
        system.start_worker()
    system.await_applied()
    assert set(system.export().values()) == simulate(RULES, lines, tmp_path)
