"""Kill -9 at every point of a batch: readers stay where they are, and the next run makes up for it."""

import random
import signal
import subprocess
import sys
from collections import Counter
from itertools import cycle

import pytest
from deltalake import DeltaTable

from batch_layer import report
from deploy.awaiting import live_generation, until
from identity import Minter, resolve, rulefile
from schemas.generation import numbers, open_generation
from tests.faults import account, dying
from tests.faults.traffic import Traffic
from tests.integration.system import by_id

KILLS = 50

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.minutes,
]


def points(rng):
    """Where to die, and how long after."""
    every = cycle(dying.POINTS)
    return [(next(every), rng.choice([0.0, rng.uniform(0, 1.5)])) for _ in range(KILLS)]


def batch(ground, point="never", seconds=0.0):
    command = [sys.executable, "-m", "tests.faults.dying", point, str(seconds)]
    return subprocess.run(command, env=ground.env, capture_output=True, text=True, check=False)


def facts(ground):
    log = account.log(ground.settings)
    return account.said(rulefile.parse(ground.rules), log, "default").facts


def test_a_batch_that_is_killed_at_any_point(ground):
    rng = random.Random(50)
    traffic, settings = Traffic(rng), ground.settings
    ground.start_worker()
    ground.give(traffic.messages(300))
    ground.await_applied()
    for point, seconds in points(rng):
        before, known = ground.export(), numbers(settings.generations)
        done = batch(ground, point, seconds)
        # One that dies a while after the last point may be done by then.
        assert done.returncode == -signal.SIGKILL or seconds, done.stderr
        found = numbers(settings.generations)
        if done.returncode == 0 or point == "after the publication" or found != known:
            assert found == [*known, known[-1] + 1][-len(found) :]
            open_generation(settings.generations, found[-1]).verify()
            until(lambda: live_generation(ground.redis) == found[-1], "the handover")  # noqa: B023
        else:
            assert live_generation(ground.redis) == known[-1]
        assert ground.export().keys() == before.keys()
        assert ground.export() == before, point
        ground.give(traffic.messages(20))
        ground.await_applied()
    done = batch(ground)
    assert done.returncode == 0, done.stderr
    number = int(done.stdout.split()[-1])
    until(lambda: live_generation(ground.redis) == number, "the handover")

    # As if nothing had happened: each message once, the same customers, and a stream that was right.
    landed = DeltaTable(settings.delta / "bronze" / "events").to_pyarrow_table(
        columns=["topic", "partition", "offset"]
    )
    once = Counter(tuple(row.values()) for row in landed.to_pylist())
    assert once == {kept[:3]: 1 for kept in account.log(settings)}
    minter = Minter(settings.id_key, "default")
    whole = resolve(facts(ground), rulefile.parse(ground.rules), minter=minter)
    assert set(ground.export().values()) == set(by_id(whole.customers).values())
    parity = report.load(settings.generations, number).parity
    assert (parity.why, parity.holds) == (None, True)
    assert not list(settings.generations.glob(".building-*"))
