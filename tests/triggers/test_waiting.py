"""Waits: order, repetition and merges change nothing of what fires."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from identity import Customer
from schemas import Cause, decode
from schemas.topics import TRIGGERS_DUE
from speed_layer.triggers.deadlines import Deadlines
from speed_layer.triggers.definition import parse
from speed_layer.triggers.keeping import Keeping
from speed_layer.triggers.settling import look_again_at, settle
from speed_layer.triggers.steps import Join, Look, step, unpack_step
from speed_layer.triggers.waiting import NEVER, Wait, joined, pack, unpack

MINUTE = 60_000_000
TRIGGERS = parse(
    """
    triggers:
      basket: {when: {web: {kind: basket}}, unless: {web: {kind: purchase}}, within: 30m, max_age: 1h}
      search: {when: {web: {kind: search}}, unless: {web: {kind: purchase}}, within: 1h}
      at_once: {when: {web: {kind: x}}}
    """
)
HOUR = 60 * MINUTE


def cause(event_id):
    return Cause(topic="web.events", partition=0, offset=0, event_id=event_id)


times = st.integers(0, 20)
wait = st.builds(
    lambda begun, name, ended: Wait(begun, cause(name), ended) if begun else Wait(ended=ended),
    times,
    st.sampled_from("abc"),
    st.just(NEVER) | times,
)
waits = st.dictionaries(st.sampled_from(["basket", "search"]), wait, max_size=2)


@given(waits, waits, waits)
def test_joining_is_a_semilattice(a, b, c):
    assert joined(a, b) == joined(b, a)
    assert joined(a, joined(b, c)) == joined(joined(a, b), c)
    assert joined(a, a) == a
    assert joined(a, {}) == joined({}, a) == a
    assert unpack(pack(a)) == a


class People:
    """Who is who, in one's own words; the oldest name stays."""

    def __init__(self):
        self.now = {}

    def merge(self, a, b):
        a, b = self.of(a), self.of(b)
        self.now[max(a, b)] = min(a, b)

    def of(self, name):
        while self.now.get(name, name) != name:
            name = self.now[name]
        return name

    def current(self, customer_id):
        return Customer(self.of(customer_id), ())


class Kept:
    """What Kafka and the table do, in memory."""

    def __init__(self, people):
        self.people = people
        self.keeping = Keeping("acme", TRIGGERS, people, people)
        self.table = {}
        self.told = []

    def take(self, key, payload):
        out, self.table[key] = asyncio.run(
            self.keeping.taken(key.decode(), self.table.get(key, {}), unpack_step(payload))
        )
        for one in out:
            if one.to == "steps":
                self.take(one.key, one.value)
            else:
                self.told.append(decode(TRIGGERS_DUE, one.value, 0))

    def give(self, message):
        self.take(message.key, message.value)


names = st.sampled_from("abcd")
happenings = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "merge"]), names, names, st.integers(1, 30)), max_size=12
)


@given(happenings, st.integers(0, 99), st.booleans())
def test_order_repetition_and_merges_change_nothing(happened, seed, again):
    """Each event is told under the name that its customer has then; looks come at any time in between."""
    people, messages = People(), []
    last = {}
    for i, (what, name, other, minute) in enumerate(happened):
        at = minute * MINUTE
        if what == "merge":
            people.merge(name, other)
            messages.append(step(max(name, other), Look(NEVER)))
        else:
            begins = what == "begin"
            said = Wait(at, cause(f"e{i:02}")) if begins else Wait(ended=at)
            messages.append(step(people.of(name), Join({"basket": said})))
            last.setdefault(name, []).append((at, begins, f"e{i:02}"))
    delivered = messages * 2 if again else list(messages)
    random.Random(seed).shuffle(delivered)
    kept = Kept(people)
    for message in delivered:
        kept.give(message)
    # What a merge brings about arrives before anything is due, and there is nothing to do twice.
    for horizon in (NEVER, HOUR, HOUR):
        for key in list(kept.table):
            kept.give(step(key.decode(), Look(horizon)))

    expected = set()
    for customer in {people.of(name) for name in last}:
        events = [event for name, some in last.items() if people.of(name) == customer for event in some]
        begun = max(((at, name) for at, begins, name in events if begins), default=(NEVER, ""))
        ended = max((at for at, begins, _ in events if not begins), default=NEVER)
        if begun[0] > ended:
            expected.add((customer, begun[1], begun[0] + 30 * MINUTE))
    assert {(told.customer_id, told.cause.event_id, told.at) for told in kept.told} == expected
    assert len(kept.told) == len(expected)


def test_it_fires_when_its_time_is_over_and_once():
    begun = {"basket": Wait(10 * MINUTE, cause("e"))}
    assert settle(begun, TRIGGERS, 40 * MINUTE - 1) == ([], begun)
    due, left = settle(begun, TRIGGERS, 40 * MINUTE)
    assert [(one.trigger.name, one.at, one.cause) for one in due] == [("basket", 40 * MINUTE, cause("e"))]
    assert settle(left, TRIGGERS, 41 * MINUTE) == ([], left)
    # What caused it comes again, as after a crash.
    assert settle(joined(left, begun), TRIGGERS, 41 * MINUTE) == ([], left)
    # A newer one begins anew.
    assert joined(left, {"basket": Wait(11 * MINUTE, cause("f"))})["basket"].open


def test_what_would_come_too_late_is_not_told():
    begun = {"basket": Wait(0, cause("e"))}
    assert len(settle(begun, TRIGGERS, 90 * MINUTE - 1)[0]) == 1
    assert settle(begun, TRIGGERS, 90 * MINUTE) == ([], {})


def test_what_is_over_is_forgotten_when_it_forbids_nothing_any_more():
    over = {"basket": Wait(ended=5 * MINUTE)}
    assert look_again_at(over, TRIGGERS) == 95 * MINUTE
    assert settle(over, TRIGGERS, 95 * MINUTE - 1) == ([], over)
    assert settle(over, TRIGGERS, 95 * MINUTE) == ([], {})


def test_waits_of_a_trigger_that_is_gone_are_dropped():
    gone = {"former": Wait(1, cause("e")), "at_once": Wait(1, cause("e"))}
    assert settle(gone, TRIGGERS, HOUR) == ([], {})
    assert look_again_at({"former": Wait(1, cause("e"))}, TRIGGERS) is None


def test_an_erased_customer_leaves_nothing():
    kept = Kept(People())
    kept.people.current = lambda _: None
    kept.give(step("a", Join({"basket": Wait(1, cause("e"))})))
    kept.give(step("a", Look(HOUR)))
    assert (kept.told, kept.table) == ([], {b"a": {}})


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.none() | times), max_size=30), times)
def test_deadlines(said, horizon):
    deadlines, last = Deadlines(), {}
    for key, at in said:
        deadlines.set(key, at)
        last[key] = at
    due = {key for key, at in last.items() if at is not None and at <= horizon}
    assert sorted(deadlines.due(horizon)) == sorted(due)
    assert len(deadlines) == sum(at is not None for at in last.values()) - len(due)
    assert list(deadlines.due(horizon)) == []
