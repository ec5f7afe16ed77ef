"""How sure an answer is: the surest path to what is strongest, against the obvious reference."""

from functools import reduce
from itertools import permutations
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from identity import Identifier, Verdict, rulefile
from serving_layer import questions
from serving_layer.answers import found_json
from serving_layer.certainty import along, surest_path
from serving_layer.explanation import explain
from serving_layer.view import ServingView
from tests.serving.world import World

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, max: 5, certainty: 0.9}
  phone:  {rank: 3, max: 5, certainty: 0.8}
  cookie: {rank: 9, max: 50, certainty: 0.5}
"""

TYPES = rulefile.parse(RULES).types


def sure(redis, tmp_path, *questions, events, live=()):
    world = World(redis, tmp_path, rules=RULES)
    world.publish(*events)
    world.go_live()
    world.apply(*live)
    found = ServingView(redis, tmp_path, "default").lookup(questions).found
    return [one.certainty and round(one.certainty, 6) for one in found]


def test_who_is_strongest_is_as_sure_as_its_type(redis, tmp_path):
    asked = [("login", "tom"), ("cookie", "lone"), ("email", "e"), ("login", "nobody")]
    events = [{"login": "tom", "cookie": "a"}, {"cookie": "lone"}, {"email": "e", "cookie": "b"}]
    assert sure(redis, tmp_path, *asked, events=events) == [1.0, 0.5, 0.9, None]


def test_a_path_is_as_sure_as_all_its_steps_together(redis, tmp_path):
    asked = [("cookie", "a"), ("cookie", "b"), ("phone", "p"), ("email", "e")]
    events = [
        {"login": "tom", "cookie": "a"},
        {"cookie": "a", "phone": "p"},
        {"phone": "p", "email": "e"},
        {"cookie": "a", "email": "e"},
        {"phone": "p", "cookie": "b"},
    ]
    assert sure(redis, tmp_path, *asked, events=events) == [0.5, 0.2, 0.4, 0.45]


def test_the_stream_may_bring_a_surer_path(redis, tmp_path):
    asked = [("phone", "p")]
    events = [{"login": "tom", "cookie": "a"}, {"cookie": "a", "phone": "p"}]
    assert sure(redis, tmp_path, *asked, events=events) == [0.4]
    redis.flushall()
    live = [{"phone": "p", "login": "tom"}]
    assert sure(redis, tmp_path / "2", *asked, events=events, live=live) == [0.8]


def test_links_between_two_customers_of_a_component_count_for_none(redis, tmp_path):
    world = World(redis, tmp_path, rules=RULES)
    world.publish(
        {"login": "tom", "phone": "p"}, {"cookie": "c", "phone": "p"}, {"login": "ann", "cookie": "c"}
    )
    world.go_live()
    found = ServingView(redis, tmp_path, "default").lookup([("phone", "p"), ("cookie", "c")]).found
    assert len({one.customer.id for one in found}) == 2
    assert [one.certainty for one in found] == [0.8, 0.5]


def test_a_stale_address_is_less_sure_until_it_shows_life(redis, tmp_path):
    stale = "stale: {email: {after: {hard_bounce: 1}, revived_by: click, certainty: 0.4}}"
    world = World(redis, tmp_path, rules=f"{RULES}\n{stale}")
    world.publish({"login": "tom", "email": "e"}, {"email": "lone"}, {"cookie": "c", "email": "e"})
    world.go_live()
    view = ServingView(redis, tmp_path, "default")

    def told():
        asked = [("email", "e"), ("email", "lone"), ("login", "tom"), ("cookie", "c")]
        outcomes, _ = view.ask(questions.lookup(view.generations.current, "default", asked))
        answers = [found_json(outcome, members=False) for outcome in outcomes]
        return [(round(one["certainty"], 6), one.get("stale_address", False)) for one in answers]

    usual = [(0.9, False), (0.9, False), (1.0, False), (0.45, False)]
    assert told() == usual
    world.mailed("hard_bounce", email="e")
    world.mailed("hard_bounce", email="lone")
    assert told() == [(0.36, True), (0.36, True), *usual[2:]]
    world.apply({"login": "ann", "email": "e"})
    (tom, mail) = view.lookup([("login", "tom"), ("email", "e")]).found
    assert tom.customer == mail.customer
    why = view.ask(explain("default", ("email", "e"), ("login", "ann")))
    assert [link.reason.split(":")[0] for link in why.refused] == ["stale"]
    world.mailed("click", email="e")
    world.mailed("click", email="lone")
    assert told() == usual


def test_a_decision_is_a_link_like_any_other(redis, tmp_path):
    world = World(redis, tmp_path, rules=RULES)
    world.publish({"login": "tom"}, {"cookie": "c"})
    world.go_live()
    world.decide(("cookie", "c"), ("login", "tom"), Verdict.MUST)
    assert ServingView(redis, tmp_path, "default").lookup([("cookie", "c")]).found[0].certainty == 0.5


class Judging:
    """What a standing says of types."""

    ranks = MappingProxyType({name: rule.rank for name, rule in TYPES.items()})
    certainties = MappingProxyType({name: rule.certainty for name, rule in TYPES.items()})


nodes = [Identifier(type_, str(i)) for i, type_ in enumerate(["login", "email", "phone", "cookie", "cookie"])]
edges = st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)).filter(lambda e: e[0] != e[1]))


@given(edges, st.sampled_from(nodes))
@settings(deadline=None)
def test_the_surest_path_is_that_of_trying_all(pairs, x):
    links = {y: [] for y in nodes}
    for a, b in pairs:
        links[a].append(b)
        links[b].append(a)
    paths = [
        (x, *rest)
        for length in range(len(nodes))
        for rest in permutations([y for y in nodes if y != x], length)
        if all(b in links[a] for a, b in zip((x, *rest), rest, strict=False))
        and (x, *rest)[-1].type == "login"
    ]
    best = max((along(path, Judging) for path in paths), default=None)
    found = along(surest_path(x, lambda y: y.type == "login", links, Judging), Judging)
    assert (found and round(found, 9)) == (best and round(best, 9))


def test_no_path_is_not_sure_at_all():
    assert along([], Judging) is None
    assert reduce(lambda a, b: a * b, [0.5, 0.5]) == along(nodes[3:], Judging)
