"""`ucid triggers` on real servers: killed, restarted, refused by receivers; nothing is lost, repetitions are known."""

import json
import time

import pytest

from tests.triggers.conftest import Running

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, normalise: email, max: 5}
  cookie: {rank: 9, max: 50}
"""
TRIGGERS = """
version: 1
triggers:
  new_device:
    when: {{change: {{gained: cookie, known_by: [login]}}}}
  abandoned:
    when: {{web: {{kind: basket}}}}
    unless: {{web: {{kind: purchase}}}}
    within: 3s
  bounced:
    when: {{email: {{outcome: hard_bounce}}}}
    webhook: {url}/bounced
  refused:
    when: {{email: {{outcome: complaint}}}}
    webhook: {url}/refused
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def web(event_id, kind, **identifiers):
    event = {"event_id": event_id, "occurred_at": now(), "kind": kind, "identifiers": identifiers}
    return json.dumps(event).encode()


def email(event_id, outcome, address):
    event = {
        "event_id": event_id,
        "occurred_at": now(),
        "outcome": outcome,
        "identifiers": {"email": address},
    }
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def running(system, receiver, tmp_path_factory):
    home = tmp_path_factory.mktemp("triggers")
    file = home / "triggers.yaml"
    file.write_text(TRIGGERS.format(url=receiver.url))
    system.start_worker()
    running = Running(system, file, home / "triggers.log")
    running.start()
    yield running
    running.kill()


def test_smoke(running, system, receiver):
    system.send([web("e1", "page_view", login="tom", cookie="1")])
    system.send([web("e2", "basket", cookie="1")])
    system.send([web("e3", "login", login="tom", cookie="2")])
    told = running.await_told("new_device")
    assert [t.cause.event_id for t in told] == ["e3"]
    told = running.await_told("abandoned")
    assert [t.cause.event_id for t in told] == ["e2"]
    print(running.log)
