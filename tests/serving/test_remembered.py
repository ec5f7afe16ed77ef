"""Remembered answers are those that would be given anew, whatever the stream does meanwhile."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Verdict
from schemas import overlay, records
from serving_layer import questions
from serving_layer.memory import FREED
from serving_layer.outcome import Outcome
from serving_layer.reading import Rests
from serving_layer.remembered import MOST_WATCHED, Remembered
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


def told(outcomes):
    return [(x.identifier, x.as_customer(), x.reason, x.pending, x.certainty) for x in outcomes.found]


@given(st.lists(events, min_size=1, max_size=8), acts)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_remembered_is_what_would_be_said_anew(redis, tmp_path, known, acts):
    redis.flushall()
    world = World(redis, tmp_path / str(next(directories)), rules=RULES)
    world.publish(*known)
    world.go_live()
    view = ServingView(redis, world.root, "default")
    memory = Remembered()

    def ask(asked, memory=None):
        return view.ask(questions.lookup(view.generations.current, "default", asked, memory))

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
                assert told(ask(act, memory)) == told(ask(act))
        assert told(ask(everybody, memory)) == told(ask(everybody))


def test_what_waits_is_not_remembered(world, view):
    memory = Remembered()
    asked = [("login", "tom")]

    def ask():
        return view.ask(questions.lookup(view.generations.current, "default", asked, memory)).found[0]

    assert ask() is ask()
    digest = records.node_key("default", ask().identifier)[-16:]
    world.redis.hset(overlay.pending_key(1), digest, 1)
    assert ask().pending
    world.redis.delete(overlay.pending_key(1))
    assert not ask().pending


def kept(*watched):
    outcome = Outcome(None)
    outcome.rests = Rests(watched, [None] * len(watched))
    return outcome


def test_who_was_asked_for_last_is_remembered_and_no_more_than_so_many():
    memory = Remembered(most=8)
    for i in range(20):
        memory.keep(1, ("t", "login", str(i)), kept(b"k"))
        memory.find(1, "t", [("login", "0")])
    known = [i for i in range(20) if memory.find(1, "t", [("login", str(i))])[0]]
    assert 0 in known
    assert 19 in known
    assert len(known) <= 9


def test_another_generation_and_another_tenant_know_nothing():
    memory = Remembered()
    memory.keep(1, ("t", "login", "x"), kept(b"k"))
    asked = [("login", "x")]
    assert memory.find(1, "t", asked) != [None]
    assert memory.find(1, "other", asked) == memory.find(2, "t", asked) == [None]
    memory.keep(2, ("t", "login", "y"), kept(b"k"))
    assert memory.find(2, "t", asked) == [None]


def test_a_look_watches_no_more_than_redis_takes():
    memory = Remembered()
    for i in range(3):
        memory.keep(1, ("t", "login", str(i)), kept(*[b"k"] * (MOST_WATCHED // 2)))
    found = memory.find(1, "t", [("login", str(i)) for i in range(3)])
    assert [one is not None for one in found] == [True, True, False]


def test_what_is_forgotten_is_freed_a_few_at_a_time():
    memory = Remembered(most=100)
    for i in range(300):
        memory.keep(1, ("t", "login", str(i)), kept(b"k"))
    memory.keep(2, ("t", "login", "x"), kept(b"k"))
    left = sum(map(len, memory._gone))
    assert left > 200
    memory.find(2, "t", [])
    assert sum(map(len, memory._gone)) == left - FREED
    for _ in range(left):
        memory.find(2, "t", [])
    assert memory._gone == []
