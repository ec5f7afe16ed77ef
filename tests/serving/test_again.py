"""The short cut answers as the usual way does, whoever is asked for, and whatever the stream does."""

import asyncio
import json
import random

import pytest

from identity import Identifier
from schemas import records
from schemas.overlay import pending_key
from serving_layer.reading import MOST
from serving_layer.shared import ENOUGH
from tests.serving.client import asked
from tests.serving.world import ANN, TOM

PAIRS = [
    ("login", "tom"),
    ("email", "tom@example.com"),
    ("login", "ann"),
    ("email", "Ann@Example.com"),
    ("cookie", "kiosk"),
    ("cookie", "new"),
    ("login", "nobody"),
    ("login", "test"),
]
QUESTIONS = [PAIRS[i : i + size] for size in (1, 2, 3) for i in range(len(PAIRS) - size + 1)] + [PAIRS * 4]


def body(pairs):
    return json.dumps(asked(*pairs)).encode()


@pytest.fixture
def at_once(served):
    """Asks many questions on the short cut, all together; None is what is left to the usual way."""

    def ask(questions, key):
        async def everybody():
            loop, answers = asyncio.get_running_loop(), []
            for pairs in questions:
                content = body(pairs)
                headers = {"authorization": f"Bearer {key}", "content-length": str(len(content))}
                ticket = served.application.ticket("POST", "/v1/lookup", headers)
                answers.append(loop.create_future())
                served.application.at_once(ticket, content, answers[-1].set_result)
            return await asyncio.gather(*answers)

        return served._loop.run_until_complete(everybody())

    return ask


def usual(served, questions, key):
    return [served.lookup(*pairs, key=key).json()["results"] for pairs in questions]


@pytest.mark.parametrize("scopes", [["lookup"], ["lookup", "read"]])
def test_all_are_told_what_the_usual_way_tells(world, served, at_once, scopes):
    key = served.key(*scopes)
    changes = [
        lambda: None,
        lambda: world.apply({**TOM, "cookie": "new"}),
        lambda: world.apply({"cookie": "new", "email": ANN["email"]}),
        lambda: (world.publish(TOM, ANN, {"cookie": "new", **TOM}, number=2), world.go_live()),
        lambda: world.apply({**ANN, "cookie": "new"}),
    ]
    rng = random.Random(5)
    for change in changes:
        change()
        for _ in range(2):
            questions = rng.sample(QUESTIONS, len(QUESTIONS))
            found = [json.loads(answer)["results"] for answer in at_once(questions, key)]
            assert found == usual(served, questions, key)


def test_more_than_one_look_may_watch_are_all_told(served, at_once):
    questions = [[("login", "tom"), ("email", "ann@example.com")]] * MOST * 2
    answers = at_once(questions, served.key())
    assert len(set(answers)) == 1
    assert len(json.loads(answers[0])["results"]) == 2


def test_those_who_are_enough_wait_for_no_more(served, at_once):
    def trips():
        page = served.ask("GET", "/metrics").text
        return float(page.split("ucid_serve_shared_requests_count ")[1].split("\n")[0])

    key, question = served.key(), [("login", "tom")]
    at_once([question], key)
    before = trips()
    assert None not in at_once([question] * (3 * ENOUGH + 1), key)
    # Two leave as soon as they have enough; what is asked while both are under way waits for one to land.
    assert trips() - before == 3


def test_who_waits_in_the_side_lane_is_told_of(world, served, at_once):
    key, question = served.key(), [("login", "tom")]
    assert b"pending" not in at_once([question], key)[0]
    world.redis.hset(pending_key(1), records.identifier_digest(Identifier("login", "tom")), 1)
    assert b'"pending":true' in at_once([question], key)[0]


def test_each_is_noted_and_counted(served, at_once):
    key = served.key()
    questions = [[("login", "tom")], [("login", "tom"), ("login", "ann")], [("login", "tom")]]
    for _ in range(2):
        at_once(questions, key)
    served._loop.run_until_complete(asyncio.sleep(0))
    (file,) = served.audit.glob("*.jsonl")
    lines = [json.loads(line.split(b"\t")[0]) for line in file.read_bytes().splitlines()]
    noted = [entry for line in lines for entry in line["entries"]]
    # All that one asked for at once is one entry.
    assert [len(entry["about"]) for entry in noted] == [entry["asked"] for entry in noted] == [4] * 2
    page = served.ask("GET", "/metrics").text
    assert 'ucid_serve_identifiers_total{outcome="found"} 8.0' in page
    assert "ucid_serve_shared_requests_sum 6.0" in page


def test_beyond_a_rate_it_is_for_the_usual_way_to_say(served, at_once):
    key = served.key("lookup", rate=1)
    question = [("login", "tom")]
    assert None not in at_once([question] * (MOST - 10), key)
    assert at_once([question] * ENOUGH, key) == [None] * ENOUGH
    found = [served.lookup(*question, key=key).status for _ in range(20)]
    assert (found[:10], found[-1]) == ([200] * 10, 429)


def test_a_log_that_cannot_be_written_answers_nobody(served, at_once, monkeypatch):
    key = served.key()
    at_once([[("login", "tom")]], key)

    def refuse(*_):
        raise OSError("no space")

    monkeypatch.setattr("os.write", refuse)
    at_once([[("login", "tom")]], key)  # noted in the turn that it is answered in
    assert at_once([[("login", "tom")]], key) == [None]
    monkeypatch.undo()
    assert at_once([[("login", "tom")]], key) != [None]


def test_without_redis_it_says_that_it_is_stale(world, served, at_once):
    key, questions = served.key(), [[("login", "tom")], [("login", "nobody")]]
    world.redis.flushall()
    for _ in range(2):
        known, nobody = map(json.loads, at_once(questions, key))
        assert known["stale"]
        assert nobody["stale"]
        assert known["results"][0]["customer_id"]
        assert nobody["results"] == [None]
