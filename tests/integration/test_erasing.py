"""`ucid erase` on real servers, before any batch: gone within seconds, and not back after a lost Redis."""

import json
import subprocess
import sys

import pytest

from deploy.awaiting import until
from schemas import TOPICS

RULES = """
version: 1
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, normalise: email, max: 5}
"""

pytestmark = pytest.mark.stack


def event(i, **identifiers):
    return json.dumps(
        {"event_id": f"e{i}", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": identifiers}
    ).encode()


@pytest.fixture
def ucid(system, tmp_path):
    env = {
        **system.env,
        "UCID_AUDIT": str(tmp_path / "audit"),
        "UCID_AUDIT_ANCHORS": str(tmp_path / "anchors"),
    }

    def ucid(*words, code=0):
        """What the command prints, a line each."""
        command = [sys.executable, "-m", "deploy", *words]
        done = subprocess.run(command, env=env, capture_output=True, check=False, text=True)
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ucid


def test_gone_at_once_and_not_back(system, ucid):
    system.send([event(0, login="ann", email="Ann@example.org"), event(1, login="tom")])
    system.start_worker()
    system.await_applied()
    ((old, tom),) = [[system.view.lookup([("login", x)]).found[0].customer for x in ("ann", "tom")]]

    def found():
        answer = system.view.lookup([("login", "ann"), ("email", "ann@example.org"), ("login", "tom")])
        return [each.customer for each in answer.found]

    ((line),) = ucid("erase", "email=ANN@example.org")
    assert (line["customer_id"], line["erased"]) == (old.id, 2)
    until(lambda: found() == [None, None, tom], "the worker to erase her", 5.0)
    assert system.view.customer(old.id)[0] is None

    stores = {store["store"]: store for store in ucid("erase", "--receipt", line["receipt"], code=1)}
    assert stores["answers"]["done"]
    assert "ucid batch" in stores["newest generation"]["waits_for"]
    assert not stores["web.events"]["done"]
    assert stores["web.events"]["until"] > "2026"
    assert stores.keys() >= TOPICS.keys()
    assert "ann" not in json.dumps(stores).lower()
    ucid("erase", "--receipt", "unknown", code=2)

    system.send([event(2, login="ann")])
    system.await_applied()
    again = found()
    assert again[0].members == (("login", "ann"),)
    assert again[0].id != old.id
    system.redis.flushall()
    system.await_applied()
    until(lambda: found() == again, "the view to be built again")
    assert system.view.customer(old.id)[0] is None
