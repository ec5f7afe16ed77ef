"""Lookups over HTTP while generations change hands and processes die: none is wrong or goes missing."""

import random

import pytest

from deploy.awaiting import until
from tests.faults.chain import Chain
from tests.faults.form import times
from tests.faults.load import Load
from tests.faults.web import Poller, Web, sighting

RULES = """
version: 1
identifiers:
  email: {rank: 1, max: 50}
  cookie: {rank: 2, max: 50}
"""
SEED = 60
PAIRS = times(1_000, 5_000)
HANDOVERS = times(3, 50)
KILLS = times(1, 20)

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def pair(number):
    return ("email", f"{number}@example.com"), ("cookie", f"visitor {number}")


class Merging:
    """Messages each of which joins two customers, until there are only a few; and sightings after that."""

    def __init__(self, rng):
        self._rng = rng
        self._count = 0

    def messages(self, count):
        return [self._message() for _ in range(count)]

    def _message(self):
        self._count += 1
        a = self._rng.randrange(PAIRS)
        # Groups of ten at most, so that no customer becomes too large.
        b = a - a % 10 + self._rng.randrange(10)
        ends = [*pair(a), *(pair(b) if self._count % 10 == 0 else ())]
        return "web.events", sighting(f"m{self._count}", *ends)


@pytest.fixture(scope="module")
def merging(rng):
    return Merging(rng)


@pytest.fixture(scope="module")
def web(module_ground):
    """A server; everybody is known to the stream before it begins."""
    ground = module_ground
    ground.give([("web.events", sighting(f"s{n}", *pair(n))) for n in range(PAIRS)])
    ground.start_worker()
    ground.await_applied()
    web = Web(ground)
    web.start()
    yield web
    web.kill()
    ground.stop_workers()


@pytest.fixture(scope="module")
def poller(web):
    with Poller(web, [pair(n) for n in range(PAIRS)]) as poller:
        until(lambda: poller.rounds, "everybody to be asked about")
        yield poller


@pytest.fixture(scope="module")
def chain(module_ground):
    return Chain(module_ground)


def one_round(poller):
    """Everybody is asked about once more, from here on."""
    seen = poller.rounds
    until(lambda: poller.rounds > seen + 1, "everybody to be asked about again")


def test_no_answer_goes_missing_or_returns_over_handovers(module_ground, merging, poller, chain):
    with Load(module_ground, merging):
        for _ in range(HANDOVERS):
            module_ground.await_generation(chain.publish())
            one_round(poller)
    assert poller.faults == []
    assert poller.merged > PAIRS / 20
    assert not poller.stale
    assert not poller.away


def test_a_worker_that_is_killed_makes_no_answer_wrong(module_ground, merging, poller):
    with Load(module_ground, merging):
        for _ in range(KILLS):
            module_ground.some_work(random.Random(SEED))
            module_ground.kill_worker()
            one_round(poller)
            module_ground.start_worker()
            module_ground.await_progress()
    one_round(poller)
    assert poller.faults == []


def test_a_server_that_is_killed_comes_back_with_the_same_answers(web, poller):
    for _ in range(KILLS):
        web.kill()
        web.start()
        one_round(poller)
    assert poller.away
    assert poller.faults == []


def test_without_redis_answers_are_those_of_the_generation_and_say_so(module_ground, web, poller):
    for _ in range(KILLS):
        module_ground.servers.kill("redis")
        before = poller.stale
        until(lambda before=before: poller.stale > before, "answers that say that they are stale")
        one_round(poller)
        module_ground.servers.up()
        until(lambda: not web.ask([])["stale"], "the stream to be asked again")
        one_round(poller)
    module_ground.await_applied()
    one_round(poller)
    assert poller.faults == []
