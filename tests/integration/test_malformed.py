"""Malformed messages between good ones: accepted + dead letters = sent, and the worker never stops."""

import json
import random

import pytest
from confluent_kafka import TopicPartition

from schemas import DEAD_LETTERS, WEB, DeadLetter, decode

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
    _, end = system.consumer.get_watermark_offsets(TopicPartition(DEAD_LETTERS, 0), timeout=10)
    system.consumer.assign([TopicPartition(DEAD_LETTERS, 0, 0)])
    letters = []
    while len(letters) < end:
        letters += system.consumer.consume(10_000, 1.0)
    return [decode(DEAD_LETTERS, letter.value(), 0) for letter in letters]


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
