"""Recognisable values, good, malformed and junk, through a worker: none may turn up where people look."""

import json
import re
import subprocess
import sys

import pytest

from deploy.awaiting import until
from schemas import EMAIL, EmailEvent, encode

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, normalise: email, max: 3, block: ["/^blocked/"]}
  phone: {rank: 3, normalise: phone, region: GB, max: 2}
  cookie: {rank: 4, max: 5, hot: 3}
match_keys:
  person: {rank: 5, from: [name.surname, date_of_birth], normalise: text}
"""

# What every value of this test contains, in whatever form it is kept.
MARK = "zqxjkv"
NUMBER = "7700900461"

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def event(i, identifiers, **more):
    event = {"event_id": f"{MARK}-{i}", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": identifiers}
    return json.dumps(event | more).encode()


def good(i):
    return event(
        i,
        {
            "login": f"{MARK}{i % 50}",
            "email": f"{MARK.title()}{i % 70}@Example.com",
            "phone": f"0{NUMBER}",
            "cookie": [f"{MARK}-{i}", f"{MARK}-shared"],
        },
        properties={"name.surname": MARK, "date_of_birth": "1980-01-01"},
    )


def avro(i, occurred_at=1_767_225_600_000_000):
    identifiers = {"email": [f"{MARK}{i}@example.com"]}
    return encode(
        EmailEvent(event_id=f"{MARK}{i}", occurred_at=occurred_at, outcome="open", identifiers=identifiers)
    )


def bad(i):
    one = good(i)
    return [
        one[:-20],
        one.replace(b"zqx", b"zqx\xff"),
        one.replace(b"zqxjkv", b"zqxjkv\\u0000"),
        one.replace(b"2026", b"1970"),
        one.replace(b"2026-01-01T00:00:00Z", MARK.encode()),
        one.replace(b'"login"', f'"{MARK}"'.encode()),
        one.replace(b'"login"', f'"{MARK}@example.com"'.encode()),
        one.replace(b'"email": "', b'"email": {"a": "').replace(b'.com"', b'.com"}'),
        event(i, {"login": MARK * 1_000}),
        event(i, {"cookie": [f"{MARK}{n}" for n in range(300)]}),
        event(i, {"login": MARK}, properties={MARK * 100: MARK}),
        event(i, {"login": MARK}, properties={f"{MARK}@": {f"{MARK}@": [MARK]}}),
        event(i, {"login": MARK}, tenant=f"{MARK} "),
        event(i, {"login": MARK}, kind=MARK * 20),
        event(MARK * 100, {"login": MARK}),
        avro(i, 1),
        avro(i)[:-3],
        b"\xc3\x01" + MARK.encode() * 3,
        MARK.encode(),
    ]


def junk(i):
    return [
        event(i, {"email": f"blocked-{MARK}@example.com", "login": f"{MARK}{i % 50}"}),
        event(i, {"email": f"{MARK} is no address", "phone": f"{MARK}"}),
    ]


def ucid(system, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        env=system.env,
        capture_output=True,
        check=False,
        text=True,
    )


def clean(text):
    """Whether none of the values is in a text, be it in another case, escaped or hexadecimal."""
    forms = (MARK, NUMBER, MARK.encode().hex())
    return bool(text) and not re.search("|".join(forms), text, flags=re.IGNORECASE)


def test_no_value_is_told(system, watched):
    worker = watched()
    worker.await_ready()
    system.send(good(i) for i in range(500))
    system.send(message for i in range(20) for message in (*bad(i), *junk(i)))
    system.send((avro(i) for i in range(50)), EMAIL)
    system.await_applied()
    assert worker.metric("ucid_speed_events_total") > 500
    assert worker.metric("ucid_speed_dead_letters_total") > 300
    assert worker.metric("ucid_speed_hot_identifiers_total") > 0

    # Redis refuses to write, and redis-py repeats the command that it refused, arguments and all.
    system.redis.config_set("maxmemory", 1)
    system.send(good(i) for i in range(500, 600))
    # A script's error has Redis' word for it, or since Redis 7 the client's.
    until(lambda: re.search("OOM|OutOfMemory", worker.log), "the worker to be refused")
    system.redis.config_set("maxmemory", 0)
    system.await_applied()
    told = worker.get("/metrics")[1] + worker.get("/readyz")[1]
    system.redis.flushall()
    until(lambda: "LostView" in worker.log, "the worker to notice")
    system.await_applied()

    assert clean(told)
    assert clean(worker.get("/metrics")[1])
    assert clean(worker.log)
    assert all(json.loads(line) for line in worker.log.splitlines())
    assert worker.process.poll() is None


def test_no_reason_tells_a_value(system):
    listed = ucid(system, "dead-letters", "list").stdout
    reasons = [json.loads(line)["reason"] for line in listed.splitlines()]
    assert len(set(reasons)) > 10
    # The name of an unknown type is quoted: to add it to the rules, one has to know it.
    assert [
        reason for reason in reasons if not clean(reason) and not reason.startswith("no rule names")
    ] == []


def test_no_command_tells_a_value(system, tmp_path):
    for number, line in enumerate(bad(1)):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(line.replace(b"\n", b" "))
        ended = ucid(system, "ingest", str(path))
        if ended.returncode != 0:
            assert clean(ended.stderr), number
