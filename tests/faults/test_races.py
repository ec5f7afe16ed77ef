"""Two workers at the same customers: one survivor, no orphan, whatever the order of their round trips."""

import random
from functools import partial
from itertools import count

import pytest

from identity import Facts, Identifier, Minter, Verdict, resolve, rulefile
from identity.name import NOTHING_PUBLISHED
from schemas import overlay
from serving_layer.view import ServingView
from speed_layer.changes import Teller, unpack
from tests.faults.account import by_version, fold
from tests.faults.form import times
from tests.faults.turns import InTurn, race
from tests.graph.published import built, entries, publish
from tests.graph.redis_server import RedisServer
from tests.graph.stream import Stream
from tests.graph.test_speed_view import standing
from tests.integration.system import by_id

WORDING = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 4}
  cookie: {rank: 3, max: 6}
"""
RULES = rulefile.parse(WORDING)
MINTER = Minter(b"a key for tests")
RACES = times(300, 10_000)

# More than the other one can commit meanwhile would mean that somebody is stuck.
MOST_CONFLICTS = 6

# What two workers are told at the same time of customers p (emails p1, p2), q and r, as (identifiers, …)
# or a verdict on a pair.
KINDS = {
    "the same merge": ([("p1", "q1")], [("p1", "q1")]),
    "the same merge by other links": ([("p1", "q1")], [("p2", "q2")]),
    "a chain of merges": ([("p1", "q1")], [("q2", "r1")]),
    "a ring of merges": ([("p1", "q1"), ("q2", "r1")], [("r2", "p2")]),
    "a merge by a newcomer, and another": ([("p1", "n1"), ("n1", "q1")], [("q2", "n1")]),
    "a merge and a newcomer": ([("p1", "q1")], [("p2", "n1")]),
    "a merge and a sighting": ([("p1", "q1")], [("p2",)]),
    "a merge and a split": ([("p1", "q1")], [("p1", "p2", Verdict.CANNOT)]),
    "a merge and its refusal": ([("p1", "q1")], [("p1", "q1", Verdict.CANNOT)]),
    "two logins for one": ([("l1", "p1")], [("l2", "p2")]),
    "a login each, and a merge": ([("l1", "p1"), ("p1", "q1")], [("l2", "q2")]),
    "the same newcomer": ([("n1",)], [("n1",)]),
    "the same newcomers, together and alone": ([("n1", "n2")], [("n2",)]),
    "one newcomer for two": ([("p1", "n1")], [("q1", "n1")]),
}


def facts_of(number, said, clock):
    """What is said in race `number`; each saying comes at a time of its own."""

    def identifier(name):
        return Identifier("login" if name[0] == "l" else "email", f"{name}@{number}")

    facts = Facts()
    for words in said:
        now = next(clock)
        if isinstance(words[-1], Verdict):
            facts.add_decision(identifier(words[0]), identifier(words[1]), words[2], now, now)
        else:
            facts.add_sighting([identifier(word) for word in words], now, now)
    return facts


def whole(parts):
    facts = Facts()
    for part in parts:
        facts.update(part)
    return facts


class Side(Stream):
    """One of two workers, which tells what it does."""

    def __init__(self, server, generation):
        self.client = InTurn(server)
        super().__init__(self.client, generation, RULES, MINTER)

    def apply(self, facts):
        teller = Teller(MINTER.tenant, 1, max(seen.last_seen for seen in facts.seen.values()), lambda _: None)
        return self._applier.apply(facts, MINTER, teller)


@pytest.fixture(scope="module")
def clock():
    return count(1)


@pytest.fixture(scope="module")
def before(clock):
    """What is known before each race."""
    people = [("p1", "p2"), ("q1", "q2"), ("r1", "r2")]
    return [facts_of(number, people, clock) for number in range(RACES)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("races")


@pytest.fixture(scope="module")
def generation(root, before):
    """It knows the customers of every other race."""
    view, _ = built(whole(before[::2]), RULES, MINTER)
    return publish(root, entries(view), rules=WORDING)


@pytest.fixture(scope="module")
def server():
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def sides(server, generation):
    sides = [Side(server, generation), Side(server, generation)]
    yield sides
    for side in sides:
        side.client.close()


@pytest.fixture(scope="module")
def serving(server, generation, root):
    redis = server.client()
    redis.set(overlay.LIVE, generation.number)
    return ServingView(redis, root, MINTER.tenant)


def told(redis):
    """The changes that wait to be told."""
    return [unpack(change).change() for _, entry in redis.xrange(overlay.OUTBOX) for change in entry]


def test_two_workers_at_the_same_customers(before, clock, sides, serving):
    rng = random.Random(70)
    redis = sides[0].client
    met = 0
    for number, known in enumerate(before):
        handed_on = NOTHING_PUBLISHED
        if number % 2:
            sides[0].apply(known)
        else:
            handed_on = resolve(known, RULES, minter=MINTER).publish()
        old = standing(sides[0].view(), known.seen)
        redis.delete(overlay.OUTBOX)
        kind = rng.choice(list(KINDS))
        parts = [facts_of(number, said, clock) for said in KINDS[kind]]
        jobs = [(side.client, partial(side.apply, facts)) for side, facts in zip(sides, parts, strict=True)]
        conflicts = race(rng, jobs)
        assert max(conflicts) <= MOST_CONFLICTS, kind
        met += sum(conflicts)

        everything = whole([known, *parts])
        customers = resolve(everything, RULES, minter=MINTER, published=handed_on).customers
        assert standing(sides[0].view(), everything.seen) == customers, kind
        # Whoever was somebody still is; and what was told leads to the same.
        of = {member: customer for customer in customers for member in customer.members}
        for customer in old:
            assert serving.customer(customer.id)[0] in {of[member] for member in customer.members}, kind
        assert fold(by_version(told(redis)), old) == by_id(customers), kind
    assert met > RACES / 4
