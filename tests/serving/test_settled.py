"""Remembered answers are those that would be given anew, whatever the stream does meanwhile."""

import weakref
from itertools import count
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Identifier, Verdict
from schemas import overlay, records
from serving_layer import questions, settled
from serving_layer.memory import Memory
from serving_layer.repeated import MOST_IDENTIFIERS, repeat
from serving_layer.settled import Reader, Remembered, Settled
from serving_layer.view import ServingView
from tests.serving.world import World

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, max: 2, certainty: 0.9}
  cookie: {rank: 9, max: 3, hot: 3, certainty: 0.6}
"""

directories = count()
values = st.sampled_from(
    [
        ("login", "a"),
        ("login", "b"),
        ("email", "a@x.org"),
        ("email", "b@x.org"),
        *[("cookie", c) for c in "abcd"],
    ]
)
events = st.dictionaries(st.sampled_from(["login", "email", "cookie"]), st.none(), min_size=1).flatmap(
    lambda types: st.fixed_dictionaries(
        {
            "login": st.sampled_from("ab"),
            "email": st.sampled_from(["a@x.org", "b@x.org"]),
            "cookie": st.sampled_from("abcd"),
        }
    ).map(lambda event: {type_: event[type_] for type_ in types})
)
acts = st.lists(
    st.one_of(
        events,
        st.tuples(values, values, st.sampled_from(list(Verdict))).filter(lambda act: act[0] != act[1]),
        st.lists(values, min_size=1, max_size=6),
        st.just("publish"),
    ),
    min_size=1,
    max_size=12,
)


READER = Reader("default", members=True)


class Asking:
    """Asks for the same in three ways: with a memory, of both stores anew, and of the generation alone."""

    def __init__(self, view):
        self._view = view
        self._memory = Remembered(100)

    def lookup(self, asked):
        standing = self._view.generations.current
        return self._view.ask(settled.lookup(standing, READER, asked, self._memory))

    def anew(self, asked):
        answer = self._view.ask(questions.lookup(self._view.generations.current, "default", asked))
        return settled.told(answer, READER)

    def beneath(self, pair, redis):
        """What the generation says, if it knows the customer and the overlay does not say otherwise."""
        standing = self._view.generations.at(int(redis.get(overlay.LIVE)))
        one = settled.beneath(standing, READER, *pair)
        return one and one.json if one and tuple(redis.mget(one.keys)) == one.values else None


def words(answers):
    return [(one.customer_id, one.json) for one in answers.found]


@given(st.lists(events, min_size=1, max_size=8), acts)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_settled_is_what_would_be_said_anew(redis, tmp_path, known, acts):
    redis.flushall()
    world = World(redis, tmp_path / str(next(directories)), rules=RULES)
    world.publish(*known)
    world.go_live()
    ask = Asking(ServingView(redis, world.root, "default"))
    everybody = [("login", "a"), ("email", "a@x.org"), *[("cookie", c) for c in "abcd"]]
    published = known
    for number, act in enumerate(acts, 2):
        match act:
            case "publish":
                world.publish(*published, number=number)
                world.go_live()
            case dict():
                world.apply(act)
                published = [*published, act]
            case tuple():
                world.decide(*act)
            case list():
                assert words(ask.lookup(act)) == words(ask.anew(act))
        anew = ask.anew(everybody)
        assert words(ask.lookup(everybody)) == words(anew)
        for pair, one in zip(everybody, anew.found, strict=True):
            assert ask.beneath(pair, redis) in (None, one.json)


def test_most_answers_are_made_from_the_generation(view, redis):
    """Else the test above would hold nothing."""
    ask = Asking(view)
    assert all(ask.beneath(pair, redis) for pair in (("login", "tom"), ("login", "ann")))
    assert ask.beneath(("login", "nobody"), redis) is None


def test_what_waits_is_not_settled(world, view):
    ask, asked = Asking(view), [("login", "tom")]
    assert b"pending" not in ask.lookup(asked).found[0].json
    digest = records.identifier_digest(Identifier("login", "tom"))
    world.redis.hset(overlay.pending_key(1), digest, 1)
    assert b'"pending":true' in ask.lookup(asked).found[0].json
    world.redis.delete(overlay.pending_key(1))
    assert b"pending" not in ask.lookup(asked).found[0].json


def test_a_look_watches_no_more_than_redis_takes(view, monkeypatch):
    monkeypatch.setattr("serving_layer.settled.MOST_WATCHED", 3)
    ask = Asking(view)
    asked = [("login", "tom"), ("login", "ann"), ("login", "nobody")]
    assert words(ask.lookup(asked)) == words(ask.anew(asked))
    question = settled.lookup(view.generations.current, READER, asked, Remembered(9))
    assert len(next(question).watched) <= 3


def kept(number=1):
    return Settled(7, (b"k%d" % number,), (None,), f"c_{number}", b"{}")


def test_some_answers_are_one_if_all_are_known_to_hold():
    one, other, unsettled = kept(1), kept(2), Settled(7, (), (), None, b"null")
    both = repeat(7, [one, other])
    assert (both.keys, both.values, both.results) == ((b"k1", b"k2"), (None, None), b"{},{}")
    assert both.about == ("c_1", "c_2")
    assert repeat(7, [one]).results == b"{}"
    assert repeat(7, []) is repeat(7, [unsettled]) is repeat(7, [one, unsettled]) is None
    assert repeat(7, [one] * (MOST_IDENTIFIERS + 1)) is None


class Known(NamedTuple):
    generation: int


def test_who_was_asked_for_last_is_remembered_and_no_more_than_so_many():
    memory = Memory(most=8)
    for i in range(20):
        memory.keep(i, Known(1))
        memory.find(1, [0])
    known = [i for i in range(20) if memory.get(1, i)]
    assert 0 in known
    assert 19 in known
    assert len(known) == 8


class Answer:
    def __init__(self, generation):
        self.generation = generation


@given(
    st.lists(st.tuples(st.sampled_from(["keep", "ask"]), st.integers(0, 9), st.integers(1, 2)), max_size=40)
)
def test_what_another_generation_said_is_gone_when_the_memory_has_as_many_new_answers(steps):
    memory = Memory(most=6)
    said = []
    for step, key, generation in steps:
        if step == "ask":
            memory.get(generation, key)
            continue
        answer = Answer(generation)
        said.append(weakref.ref(answer))
        memory.keep(key, answer)
        del answer
    for i in range(6):
        memory.get(2, i)  # as a reader of before might
        memory.keep(f"new {i}", Answer(3))
    assert not any(each() for each in said)
    assert all(memory.get(3, f"new {i}") for i in range(6))


def test_what_another_generation_said_is_not_known_and_is_replaced():
    memory = Memory(most=2)
    memory.keep("a", Known(1))
    assert memory.find(1, ["a", "b"]) == [Known(1), None]
    assert memory.find(2, ["a"]) == [memory.get(2, "a")] == [memory.get(None, "a")] == [None]
    memory.keep("b", Known(2))
    memory.keep("a", Known(2))  # takes nobody's place
    assert memory.find(2, ["a", "b"]) == [Known(2)] * 2
    assert memory.find(1, ["a", "b"]) == [None] * 2
    memory.keep("c", Known(2))
    assert len([key for key in "abc" if memory.get(2, key)]) == 2
