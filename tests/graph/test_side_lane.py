"""The side lane: what bears on many comes later, and to the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, graph, resolve, rulefile
from identity.tombstones import Tombstones
from schemas import overlay
from serving_layer.view import ServingView
from speed_layer.aside import Aside
from speed_layer.side_lane import SideLane, _without
from speed_layer.view import SpeedView
from tests.graph.published import passing
from tests.graph.stream import Stream
from tests.graph.test_speed_view import delivered, expected, standing
from tests.identity import strategies
from tests.identity.strategies import facts_of, logs, numbered, rule_sets
from tests.speed.world import KEY, MINTER, generation_of, sighting

RULES = """
identifiers:
  mail:   {rank: 1, max: 2}
  cookie: {rank: 2, max: 2}
"""


def mail(i):
    return Identifier("mail", f"m{i}")


def cookie(i):
    return Identifier("cookie", f"k{i}")


def chain(first, last, later=0):
    """Each address with a cookie, and the cookie with the next address."""
    return [
        sighting(*pair, at=i + later)
        for i in range(first, last)
        for pair in [(mail(i), cookie(i)), (cookie(i), mail(i + 1))]
    ]


# The newest of these customers is full: one more with it, and each in the chain gives one to the next.
CHAIN = [*chain(0, 8), sighting(mail(8), cookie(8), at=8)]


@pytest.fixture
def world(redis, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "LARGE", 10)
    redis.flushall()
    return World(redis, tmp_path)


class World:
    """A chain in a generation, a worker on top, and its side lane."""

    def __init__(self, redis, root):
        self.redis, self.root = redis, root
        generation = generation_of(root, *CHAIN, rules=RULES)
        self.stream = Stream(redis, generation, rulefile.parse(RULES), MINTER, patient=False)
        self.side = SideLane(redis, root, KEY)
        self.aside = Aside(redis, 1)
        redis.set(overlay.LIVE, 1)
        self.lookups = ServingView(redis, root, "default")

    def found(self, *identifiers):
        return self.lookups.lookup([tuple(x) for x in identifiers]).found

    def partition(self):
        return sorted(customer.members for customer in self.lookups.customers())


def together(*facts):
    everything = Facts()
    for some in facts:
        everything.update(some)
    return everything


def whole(*facts):
    customers = resolve(together(*facts), rulefile.parse(RULES), minter=MINTER).customers
    return sorted(customer.members for customer in customers)


def test_what_bears_on_many_waits_and_says_so(world):
    world.stream.apply(sighting(mail(8), cookie(100), at=50))
    (new, known, other) = world.found(cookie(100), mail(8), mail(0))
    assert (new.customer, new.pending) == (None, True)
    assert known.pending
    assert not other.pending
    assert world.side.step() == 1
    (new, known, _) = world.found(cookie(100), mail(8), mail(0))
    assert not new.pending
    assert not known.pending
    assert world.partition() == whole(*CHAIN, sighting(mail(8), cookie(100), at=50))


def test_what_bears_on_few_does_not_wait(world):
    # One in the middle of the chain, whose customer has room for it.
    world.stream.apply(sighting(mail(0), cookie(200), at=40))
    world.stream.apply(sighting(mail(200), cookie(200), at=50))
    # Nor does who was only seen again, wherever he belongs.
    world.stream.apply(sighting(mail(3), at=60))
    assert len(world.aside) == 0
    assert world.stream.view().nodes([mail(3)])[mail(3)].seen.last_seen == 60


def test_what_a_batch_names_itself_counts_half(world):
    """Who catches up names much at once, and looks at little more."""
    new = [sighting(mail(8), cookie(100), at=50), *chain(0, 8, later=20)]
    world.stream.apply(together(*new))
    assert len(world.aside) == 0
    assert world.partition() == whole(*CHAIN, *new)
    # But a chain is joined again and again, whoever names it.
    longer = chain(200, 212)
    world.stream.apply(together(*longer))
    assert len(world.aside) == 1
    world.side.step()
    assert world.partition() == whole(*CHAIN, *new, *longer)


def test_a_chain_of_any_length_costs_the_worker_little(world, monkeypatch):
    loaded = []
    load = SpeedView.load
    monkeypatch.setattr(SpeedView, "load", lambda self, keys: loaded.append(len(keys)) or load(self, keys))
    steps = chain(8, 60)
    for facts in steps:
        loaded.clear()
        world.stream.apply(facts)
        assert sum(loaded) <= 10 * graph.LARGE
    assert len(world.aside) > 0
    while world.side.step():
        pass
    assert world.partition() == whole(*CHAIN, *steps)
    # A lookup reads one customer, however long the chain.
    assert all(len(found.customer.members) <= 4 for found in world.found(*(mail(i) for i in range(60))))


def test_entries_that_are_applied_twice_change_nothing(world):
    new = sighting(mail(8), cookie(100), at=50)
    world.stream.apply(new)
    world.stream.apply(new)  # the batch was repeated
    entries = world.aside.take(10)
    assert len(entries) == 2
    world.side.step()
    epoch = world.stream.state.epoch
    world.aside.settle(epoch, entries)  # whoever was slower
    assert not world.redis.exists(overlay.pending_key(1))
    for entry in entries:
        world.aside.put(epoch, entry.deferred)
    world.side.step()
    assert world.partition() == whole(*CHAIN, new)
    assert not world.redis.exists(overlay.pending_key(1))


def test_two_side_lanes_do_not_work_at_once(world):
    world.stream.apply(sighting(mail(8), cookie(100), at=50))
    world.redis.set(overlay.LEASE, "another")
    world.side.run(stop=None)
    assert len(world.aside) == 1


@given(rule_sets(), logs, logs, st.randoms(use_true_random=False), st.integers(1, 8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stream_and_side_lane_equal_the_whole(redis, rules, prefix, suffix, random, batches):
    redis.flushall()
    log = numbered(prefix + suffix)
    known, new = log[: len(prefix)], log[len(prefix) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "LARGE", 1)
        with passing(facts_of(known), rules, strategies.MINTER, None) as (generation, handed_on):
            stream = Stream(redis, generation, rules, strategies.MINTER, patient=False)
            beside = Stream(redis, generation, rules, strategies.MINTER, patient=True)
            aside = Aside(redis, generation.number)
            for facts in delivered(new, random, batches):
                stream.apply(facts)
                if random.random() < 0.5:
                    drain(aside, beside)
            drain(aside, beside)
            found = standing(beside.view(), facts_of(log).seen)
            assert found == expected(log, rules, None, handed_on)


def drain(aside, stream):
    for entry in (entries := aside.take(100)):
        facts = Facts()
        entry.deferred.add_to(facts)
        stream.apply(facts)
    aside.settle(stream.state.epoch, entries)


def test_who_was_erased_meanwhile_leaves_no_sign_either():
    facts = facts_of([(strategies.Event((mail(1), cookie(1)), 5, None, "hard_bounce"), 7)])
    tombstones = Tombstones(KEY)
    tombstones.add([tombstones.digest(mail(1))], 8)
    _without(facts, tombstones)
    assert facts == facts_of([(strategies.Event((cookie(1),), 5, None, "hard_bounce"), 7)])
