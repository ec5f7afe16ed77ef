"""`ucid batch --every`: turns, and how it ends."""

import argparse
import os
import subprocess
import sys
from threading import Event

import pytest

from batch_layer.alone import Busy, alone
from deploy.commands.batch import BUSY, UNUSABLE, interval, repeat


class Clock:
    """Time that only moves when somebody works or waits."""

    def __init__(self, works):
        self.now = 0.0
        self.starts = []
        self._works = list(works)  # (seconds, exit code) of each run
        self.stop = Event()
        self.stop.wait = self._wait

    def __call__(self):
        return self.now

    def _wait(self, seconds):
        assert seconds > 0
        self.now += seconds

    def once(self):
        self.starts.append(self.now)
        seconds, code = self._works.pop(0)
        self.now += seconds
        if not self._works:
            self.stop.set()
        return code


def test_turns_are_from_start_to_start_and_a_long_run_leaves_some_out():
    clock = Clock([(10, 0), (59, 0), (60, 0), (130, 0), (1, 0)])
    assert repeat(clock.once, 60, clock.stop, clock) == 0
    assert clock.starts == [0, 60, 120, 240, 420]


def test_a_run_that_fails_ends_nothing_and_the_last_one_counts():
    clock = Clock([(1, 1), (1, 0)])
    assert repeat(clock.once, 60, clock.stop, clock) == 0
    clock = Clock([(1, 0), (1, 1)])
    assert repeat(clock.once, 60, clock.stop, clock) == 1


def test_to_be_left_out_is_no_failure():
    clock = Clock([(1, BUSY)])
    assert repeat(clock.once, 60, clock.stop, clock) == 0


def every_hour(home, **more):
    command = [sys.executable, "-m", "deploy", "batch", "--every", "1h"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("UCID_")}
    env |= {"UCID_HOME": str(home), **more}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_what_cannot_be_used_ends_it_at_once(tmp_path):
    done = every_hour(tmp_path)
    assert done.returncode == UNUSABLE
    assert "UCID_KAFKA is not set" in done.stderr


def test_under_spark_submit_repeating_is_left_to_who_submits(tmp_path):
    done = every_hour(tmp_path, PYSPARK_GATEWAY_PORT="1")
    assert done.returncode == UNUSABLE
    assert "schedule spark-submit itself" in done.stderr


def test_who_is_stopped_before_it_begins_runs_nothing():
    stop = Event()
    stop.set()
    assert repeat(lambda: 1 / 0, 60, stop) == 0


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)])
def test_intervals(text, seconds):
    assert interval(text) == seconds


@pytest.mark.parametrize("text", ["1", "h", "0h", "1.5h", "-1h", "1w"])
def test_what_is_no_interval_says_how_to_write_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match="90s, 15m"):
        interval(text)


def test_the_second_of_two_waits_or_is_told(tmp_path):
    with (
        alone(tmp_path, ".lock"),
        pytest.raises(Busy, match="another process"),
        alone(tmp_path, ".lock", wait=False),
    ):
        pass
    with alone(tmp_path, ".lock", wait=False):
        pass
