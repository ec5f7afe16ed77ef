"""Several workers on one view: they share the log, collide on customers, come and go."""

import json
import random

import pytest

from deploy.awaiting import until
from identity import Facts, Minter, Observer, resolve, rulefile
from schemas import overlay, parse_line

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 3}
  cookie: {rank: 3, max: 5, hot: 30}
"""

pytestmark = pytest.mark.stack


def events(rng, count, people=60):
    """Much about few: every batch touches every customer."""
    for i in range(count):
        person = rng.randrange(people)
        identifiers = {"cookie": f"k{rng.randrange(people * 2)}"}
        if rng.random() < 0.5:
            identifiers["login"] = f"l{person}"
        if rng.random() < 0.5:
            identifiers["email"] = f"m{rng.randrange(people)}"
        yield json.dumps(
            {
                "event_id": f"e{i}",
                "occurred_at": f"2026-01-{1 + i * 27 // count:02}T00:{rng.randrange(60):02}:00Z",
                "identifiers": identifiers,
            }
        ).encode()


def test_workers_that_collide_agree_with_the_reference(system):
    rng = random.Random(3)
    lines = list(events(rng, 20_000))
    for _ in range(3):
        system.start_worker()
    for i in range(0, len(lines), 2_000):
        system.send(lines[i : i + 2_000])
        if i == 8_000:
            until(lambda: system.applied() > 4_000, "the workers to begin")
            system.kill_worker()
    system.await_applied()
    rules, facts = rulefile.parse(RULES), Facts()
    observer = Observer(rules)
    for number, line in enumerate(lines, 1):
        event = parse_line(line, number)
        observer.observe(facts, event.identifiers, {}, event.occurred_at, number)
    expected = {
        frozenset(map(tuple, c.members)) for c in resolve(facts, rules, minter=Minter(b"any")).customers
    }
    assert set(system.export().values()) == expected


def test_a_flushed_redis_is_built_again_from_the_log(system):
    before = system.export()
    system.redis.flushall()
    until(lambda: system.redis.exists(overlay.LIVE) == 1, "a worker to notice")
    system.await_applied()
    assert system.export() == before
