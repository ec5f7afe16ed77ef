"""Many requests at once while Redis goes away, comes back empty, and readers move."""

import asyncio
import gc

import pytest
from redis.asyncio import Redis as AioRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from deploy.awaiting import until
from serving_layer.access.principal import Principal
from tests.graph.redis_server import RedisServer
from tests.serving.client import Served, asked
from tests.serving.world import ANN, TOM, World


@pytest.fixture
def own_server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def lonely(own_server, tmp_path):
    """A server on a Redis that can go away; the stream knows of a cookie of Tom's."""
    world = World(own_server.client(), tmp_path / "generations")
    world.publish()
    world.go_live()
    world.apply({**TOM, "cookie": "new"})
    redis = AioRedis(unix_socket_path=str(own_server.socket), retry=Retry(NoBackoff(), retries=0))
    with Served(world, tmp_path, redis) as served:
        yield served


def ask(served, key, *pairs, times=1):
    request = ("POST", "/v1/lookup", asked(*pairs), key)
    return [answer.json() for answer in served.all_at_once(*[request] * times)]


def test_without_redis_generations_answer_until_it_is_back(own_server, lonely):
    key = lonely.key()
    questions = [("login", "tom"), ("cookie", "new")]
    (before,) = ask(lonely, key, *questions)
    assert not before["stale"]
    own_server.stop()
    for answer in ask(lonely, key, *questions, times=40):
        assert answer["stale"]
        assert answer["results"][0]["customer_id"] == before["results"][0]["customer_id"]
        assert answer["results"][1] is None
    assert lonely.ask("GET", "/v1/customers/c_x", key=key).status == 503
    own_server.start()
    until(lambda: lonely.ask("GET", "/readyz") and not lonely.shared.away, "Redis to be noticed", 10)
    assert ask(lonely, key, *questions)[0]["stale"]  # it came back empty
    lonely.world.go_live()
    lonely.world.apply({**TOM, "cookie": "new"})
    assert ask(lonely, key, *questions)[0]["results"] == before["results"]


def test_a_redis_that_was_restarted_between_two_questions_is_asked_anew(own_server, lonely):
    key = lonely.key()
    assert not ask(lonely, key, ("login", "tom"))[0]["stale"]
    own_server.stop()
    own_server.start()
    lonely.world.go_live()
    assert not ask(lonely, key, ("login", "tom"))[0]["stale"]


def test_a_handover_under_load_mixes_nothing(world, served):
    key = served.key()
    world.apply({**TOM, "cookie": "old"})
    ask(served, key, ("login", "tom"))
    world.publish(TOM, ANN, {**TOM, "cookie": "batch"}, number=2)
    requests = [("POST", "/v1/lookup", asked(("login", "tom"), ("cookie", "batch")), key)] * 50
    answers = [answer.json() for answer in served.all_at_once(*requests)]
    world.go_live()
    answers += [answer.json() for answer in served.all_at_once(*requests)]
    for answer in answers:
        tom, batch = answer["results"]
        assert (batch is None) == (answer["generation"] == 1)
        assert len(tom["identifiers"]) == 3
    assert {answer["generation"] for answer in answers} == {1, 2}


def test_readers_that_move_between_two_looks_are_asked_again(world, served, monkeypatch):
    """A path takes a second look; if that is of another generation, all is looked at anew."""
    key = served.key()
    world.publish({"login": "tom", "cookie": "a"}, number=2)
    world.go_live()
    world.apply({"cookie": "a", "email": "t@example.com"})
    ask(served, key, ("login", "tom"))
    world.publish({"login": "tom", "cookie": "a"}, {"cookie": "a", "email": "t@example.com"}, number=3)
    looks = []
    landed = served.shared.landed

    def move_after_the_first(requests, reading):
        looks.append(reading.standing.number)
        if len(looks) == 1:
            world.go_live()
        landed(requests, reading)

    monkeypatch.setattr(served.shared, "landed", move_after_the_first)
    (answer,) = ask(served, key, ("email", "t@example.com"))
    assert looks == [2, 3, 3, 3]
    assert (answer["generation"], answer["results"][0]["certainty"]) == (3, 1.0)


def test_one_who_fails_does_not_harm_the_others(served):
    key = served.key()
    good = ("POST", "/v1/lookup", asked(("login", "tom")), key)
    bad = ("POST", "/v1/lookup", asked(("card", "4111")), key)
    answers = served.all_at_once(good, bad, good, ("POST", "/v1/lookup", b"{", key), good)
    assert [answer.status for answer in answers] == [200, 400, 200, 400, 200]


def test_lookups_that_wait_for_nobody_leave_nothing_to_the_collector(world, served):
    """It would hold up all requests for as long as it takes to look through what they left."""
    world.apply({**TOM, "cookie": "new"})
    who = Principal("k", "k", "default", ["lookup"], rate=0, unknown=0)
    people = [("login", "tom"), ("login", "ann"), ("cookie", "new"), ("login", "nobody")]

    async def everybody():
        loop = asyncio.get_running_loop()
        for one in people * 50:
            answer = loop.create_future()
            served.desk.tell(who, [one], answer.set_result, anew=True)
            assert len((await answer).found) == 1

    def left():
        gc.collect()
        gc.disable()
        try:
            served._loop.run_until_complete(everybody())
            return gc.collect()
        finally:
            gc.enable()

    left()  # once for what is made once
    assert left() < len(people) * 50
