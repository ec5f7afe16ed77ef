"""Malformed messages between good ones: accepted + dead letters = sent, and the worker never stops."""

import json
import random
import subprocess
import sys

import pytest

from deploy import bootstrap
from deploy.commands.dead_letters import origin, read
from schemas import WEB, DeadLetter

RULES = "identifiers: {login: {rank: 1, unique: true}, cookie: {rank: 2}}"

MANY = [str(n) for n in range(10_000)]

pytestmark = pytest.mark.stack


def good(i):
    return json.dumps(
        {
            "event_id": f"e{i}",
            "occurred_at": "2026-01-01T00:00:00Z",
            "identifiers": {"login": f"l{i % 100}", "cookie": f"k{i}"},
        }
    ).encode()


def malformed(rng, i):
    event = json.loads(good(i))
    return rng.choice(
        [
            lambda: rng.randbytes(rng.randrange(1, 200)),
            lambda: b"",
            lambda: good(i)[: rng.randrange(1, 40)],
            lambda: json.dumps({**event, "occurred_at": "1970-01-01T00:00:00Z"}).encode(),
            lambda: json.dumps({**event, "occurred_at": "2099-01-01T00:00:00Z"}).encode(),
            lambda: json.dumps({**event, "identifiers": {"nobody_knows": "x"}}).encode(),
            lambda: json.dumps({**event, "identifiers": {"login": "x" * 100_000}}).encode(),
            lambda: json.dumps(
                {**event, "identifiers": {"cookie": [str(n) for n in range(10_000)]}}
            ).encode(),
            lambda: b"[" * 10_000,
            lambda: b"\xc3\x01" + rng.randbytes(30),
            lambda: good(i).replace(b"e", b"\xff", 1),
        ]
    )()


def dead_letters(system):
    return list(read(bootstrap.consumer(system.settings, "test-dead-letters")))


def test_ten_thousand_malformed_messages(system):
    rng = random.Random(7)
    bad = [malformed(rng, i) for i in range(10_000)]
    # Random bytes may, one day, be an event: what is refused is what `decode` refuses.
    messages = bad + [good(i) for i in range(10_000)]
    rng.shuffle(messages)
    system.start_worker()
    assert system.send(messages) == len(messages)
    system.await_applied()
    letters = dead_letters(system)
    assert all(isinstance(letter, DeadLetter) and letter.topic == WEB and letter.reason for letter in letters)
    assert len({(letter.partition, letter.offset) for letter in letters}) == len(letters) == len(bad)
    assert sorted(letter.value for letter in letters) == sorted(bad)
    customers = system.export()
    assert len(customers) == 100
    assert sum(map(len, customers.values())) == 100 + 10_000
    (worker,) = system.workers
    assert worker.poll() is None


def ucid(system, *arguments):
    command = [sys.executable, "-m", "deploy", *arguments]
    return subprocess.run(command, env=system.env, capture_output=True, check=False)


def test_dead_letters_are_listed_shown_and_sent_again(system):
    first = dead_letters(system)[0]
    listed = ucid(system, "dead-letters", "list").stdout.splitlines()
    assert json.loads(listed[0]) == {
        "origin": origin(first),
        "bytes": len(first.value),
        "reason": first.reason,
    }
    assert ucid(system, "dead-letters", "show", origin(first)).stdout == first.value
    before = len(dead_letters(system))
    assert ucid(system, "dead-letters", "replay", origin(first)).returncode == 0
    system.await_applied()
    again = dead_letters(system)[before:]
    assert [(letter.value, letter.reason) for letter in again] == [(first.value, first.reason)]
    unknown = ucid(system, "dead-letters", "replay", "web.events:0:999999999")
    assert (unknown.returncode, unknown.stdout) == (2, b"")
    assert b"dead-letters list" in unknown.stderr


def test_a_steward_links_and_unlinks(system):
    def customer(login):
        return system.view.lookup([("login", login)]).found[0].customer.id

    event = {"event_id": "s", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {"cookie": "steward"}}
    system.send([json.dumps(event).encode()])
    system.await_applied()
    for command, together in (("link", True), ("unlink", False)):
        sent = ucid(system, command, "login=l1", "cookie=steward", "--why", "they called us")
        assert sent.returncode == 0, sent.stderr
        system.await_applied()
        cookie = system.view.lookup([("cookie", "steward")]).found[0].customer.id
        assert (cookie == customer("l1")) is together
