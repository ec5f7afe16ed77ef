"""What stewards and customers say, on real servers: into the log, obeyed by answers, and told."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest

from deploy.awaiting import until
from deploy.local.ports import free_port
from schemas import WEB
from serving_layer.access.keys import Key, KeyFile, Secret, digest, new_secret

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  cookie: {rank: 9, certainty: 0.6}
joining: {purpose: joining}
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def ask(system, tmp_path):
    """`ucid serve` beside a worker; asks it with a key that may do all."""
    import msgspec

    secret, port = new_secret(), free_port("127.0.0.1")
    key = Key(
        id="k_1",
        name="eve",
        tenant="default",
        scopes=("lookup", "read", "steward"),
        secrets=(Secret(sha256=digest(secret)),),
        created=0,
    )
    (tmp_path / "keys.json").write_bytes(msgspec.json.encode(KeyFile(keys=(key,))))
    places = {"KEYS": "keys.json", "AUDIT": "audit", "AUDIT_ANCHORS": "anchors", "HISTORY": "history.db"}
    env = {**os.environ, **system.env, "UCID_HTTP": str(port)}
    env |= {f"UCID_{name}": str(tmp_path / place) for name, place in places.items()}

    def ask(path, content=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        request.data = None if content is None else json.dumps(content).encode()
        request.add_header("Authorization", f"Bearer {secret}")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read())

    def ready():
        try:
            return not ask("/readyz")["stale"]
        except OSError:
            return False

    system.start_worker()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "deploy", "serve"], env=env, stdout=log, stderr=log)
    try:
        until(ready, "the server and its worker")
        yield ask
    finally:
        process.terminate()
        assert process.wait(30) == 0


def event(i, **identifiers):
    return json.dumps(
        {"event_id": f"e{i}", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": identifiers}
    ).encode()


def test_a_decision_is_obeyed_told_and_undone(system, ask):
    tom, cookie = {"type": "login", "value": "tom"}, {"type": "cookie", "value": "a"}

    def customers(*others):
        answer = ask("/v1/lookup", {"identifiers": [tom, cookie, *others]})
        return [found and found["customer_id"] for found in answer["results"]], answer["offsets"]

    def decide(verdict):
        ((partition, offset),) = ask(
            "/v1/decisions", {"verdict": verdict, "a": tom, "b": cookie, "why": "they told us"}
        )["offset"].items()
        until(lambda: customers()[1].get(partition, 0) > offset, "the decision to be in answers")

    def are_one(*others):
        found = customers(*others)[0]
        return None not in found and len(set(found)) == 1

    # One after the other: where the second, of another partition, is taken in first, the customer that it
    # made is merged into an older one, and that begins so.
    system.send([event(1, login="tom", cookie="a")], WEB)
    until(are_one, "the first event")
    system.send([event(2, cookie=["a", "b"])], WEB)
    until(lambda: are_one({"type": "cookie", "value": "b"}), "the second event")
    before = customers()[0][0]
    decide("cannot_link")
    assert len(set(customers()[0])) == 2

    def explained():
        return ask("/v1/explain", {"a": tom, "b": cookie})

    until(lambda: explained()["decisions"], "the history to have the decision")
    found = explained()
    assert [(word["who"], word["why"]) for word in found["decisions"]] == [("eve", "they told us")]
    assert "decided: a steward keeps these two apart" in {link["reason"] for link in found["refused"]}
    decide("undo")
    assert set(customers()[0]) == {before}

    def kinds():
        return [change["kind"] for change in ask(f"/v1/customers/{before}/history")["changes"]]

    until(lambda: "merged" in kinds(), "the history to have it all")
    assert kinds()[0] == "created"
    assert "split" in kinds()
    until(lambda: explained()["joined_by"] is not None, "the change that brought them together")
    assert explained()["joined_by"]["cause"]["topic"] == "customer.decisions"


def test_a_withdrawal_is_obeyed_at_once_and_told(system, ask, tmp_path):
    system.send([event(9, login="jo", cookie="jo's phone")], WEB)
    jo = {"type": "login", "value": "jo"}
    env = {**system.env, "UCID_AUDIT": str(tmp_path / "mine"), "UCID_AUDIT_ANCHORS": str(tmp_path / "ends")}

    def consent(action, *more):
        command = [sys.executable, "-m", "deploy", "consent", action, *more]
        return subprocess.run(command, env=env, capture_output=True, check=False)

    def status():
        found = ask("/v1/permissions/check", {"purpose": "ads", "channel": "email", "identifiers": [jo]})
        return found["results"][0]["status"]

    until(lambda: ask("/v1/lookup", {"identifiers": [jo]})["results"] != [None], "the event")
    assert status() == "unknown"
    assert consent("grant", "Ads", "login=jo", "--until", "2100-01-01T00:00:00Z").returncode == 0
    until(lambda: status() == "allowed", "the grant to be in answers")
    # Of another identifier of hers, and for one channel only.
    assert consent("withdraw", "ads", "cookie=jo's phone", "--channel", "email").returncode == 0
    until(lambda: status() == "denied", "the withdrawal to be in answers")
    shown = consent("show", "ads", "login=jo")
    assert (shown.returncode, json.loads(shown.stdout)["reason"]) == (1, "withdrawn")
    told = [json.loads(line) for line in consent("history", "login=jo").stdout.splitlines()]
    assert [(one["identifier"]["type"], one["status"], one["valid_until"]) for one in told] == [
        ("login", "granted", "2100-01-01T00:00:00+00:00"),
        ("cookie", "withdrawn", None),
    ]
    assert ask("/v1/permissions/history", {"identifier": jo})["statements"] == told

    def found():
        return ask("/v1/lookup", {"identifiers": [jo, {"type": "cookie", "value": "jo's phone"}]})["results"]

    (before, _) = found()
    assert consent("withdraw", "joining", "cookie=jo's phone").returncode == 0
    until(lambda: found()[0]["customer_id"] != found()[1]["customer_id"], "the phone to stand apart")
    assert [one.get("objected") for one in found()] == [None, True]
    assert consent("grant", "joining", "cookie=jo's phone").returncode == 0
    until(lambda: found()[0] == before, "the phone to be joined again")
    assert {one["customer_id"] for one in found()} == {before["customer_id"]}
    refused = consent("grant", " ", "login=jo")
    assert refused.returncode == 2
    assert refused.stderr == b"ucid: purpose: is empty: name what is permitted, such as marketing\n"
