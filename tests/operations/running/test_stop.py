"""SIGTERM: the batch in hand is finished, the group left, and nothing lost or torn."""

import json
import subprocess
import sys
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from deploy.awaiting import live_generation, until
from tests.integration.system import simulate

RULES = "identifiers: {login: {rank: 1, unique: true}, cookie: {rank: 2, max: 5, hot: 30}}"

# Events that are sent at a time, and so many that wait for the worker, at least.
SENT, WAITING = 5_000, 20_000

pytestmark = pytest.mark.stack


def load(first):
    """Events of customers with three cookies each, which all have something to settle."""
    return [
        json.dumps(
            {
                "event_id": f"e{i}",
                "occurred_at": f"2026-01-01T00:{i % 60:02}:00Z",
                "identifiers": {"login": f"l{i % 20_011}", "cookie": f"k{i % 60_033}"},
            }
        ).encode()
        for i in range(first, first + SENT)
    ]


@pytest.fixture(scope="module")
def sent():
    return []


@contextmanager
def under_load(system, sent):
    """However fast the worker is, more events wait for it."""
    over = Event()

    def feed():
        while not over.is_set():
            lines = load(len(sent))
            system.send(lines)
            sent.extend(lines)
            until(lambda: over.is_set() or len(sent) - system.applied() < WAITING, "the worker to take some")

    feeder = Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        over.set()
        feeder.join()


def members(system):
    admin = AdminClient({"bootstrap.servers": system.settings.kafka})
    group = "ucid-speed-v0"
    return admin.describe_consumer_groups([group])[group].result(10)


@pytest.mark.parametrize("times", [1, 2, 20])
def test_a_worker_under_load_ends_cleanly(system, sent, watched, times):
    worker = watched()
    # A view that is only being built shows nothing before it is whole.
    until(lambda: live_generation(system.redis) is not None, "readers to stand on the view")
    before = system.applied()
    with under_load(system, sent):
        until(lambda: before < system.applied() < len(sent), "the worker to be at it, and more to wait")
        worker.ask_to_stop(times)
        assert worker.ended() == 0, worker.log
        until(lambda: system.applied() < len(sent), "more to come than it took")
    assert "finishing the batch in hand" in worker.log
    assert '"level":"error"' not in worker.log
    # Left, not lost: the others need not wait for a session to time out.
    assert members(system).state == ConsumerGroupState.EMPTY


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_torn(system, sent, watched, tmp_path):
    watched()
    system.await_applied()
    assert set(system.export().values()) == simulate(RULES, sent, tmp_path)


def test_an_idle_worker_ends_at_once(watched):
    worker = watched()
    worker.await_ready()
    worker.ask_to_stop()
    assert worker.ended() == 0


def test_a_worker_without_redis_ends(watched):
    worker = watched(UCID_REDIS="redis://127.0.0.1:1/0")
    until(lambda: "trying again" in worker.log, "the worker to notice")
    assert worker.get("/healthz")[0] == 200
    status, why = worker.get("/readyz")
    assert (status, json.loads(why)["why"]) == (503, "the last turn failed: ConnectionError")
    assert worker.metric("ucid_speed_redis_up") == 0
    worker.ask_to_stop(2)
    assert worker.ended() == 0


def test_a_worker_whose_address_is_taken_says_so(watched):
    first = watched()
    first.await_ready()
    second = watched(port=first.port)
    assert second.ended() == 2
    assert f"UCID_SPEED_HTTP is 127.0.0.1:{first.port}, where we cannot listen" in second.log


def test_beginning_again_changes_nothing_and_says_where_other_rules_are_in_force(system, tmp_path):
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(RULES)
    other.write_text(RULES.replace("max: 5", "max: 6"))

    def begin(rules):
        command = [sys.executable, "-m", "deploy", "begin", "--rules", rules]
        return subprocess.run(command, env=system.env, capture_output=True, text=True, check=False)

    assert begin(same).stdout.startswith("generation 0, rules ")
    refused = begin(other)
    assert refused.returncode == 2
    assert "'ucid batch --rules" in refused.stderr
