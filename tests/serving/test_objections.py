"""Who objects to being joined: what lookups and explanations say of him."""

import pytest

from identity import Verdict
from serving_layer import questions
from serving_layer.answers import found_json
from serving_layer.explanation import explain
from serving_layer.view import ServingView
from tests.serving.world import RULES, World

COOKIE, LOGIN, MAIL = ("cookie", "c"), ("login", "tom"), ("email", "e@example.com")


@pytest.fixture
def world(redis, tmp_path):
    world = World(redis, tmp_path, rules=f"{RULES}\njoining: {{purpose: joining}}")
    world.publish(
        {"cookie": "c"}, {"login": "tom", "cookie": "c"}, {"login": "tom", "email": "e@example.com"}
    )
    world.go_live()
    return world


def answers(world):
    """Who of cookie, login and address is whose, by number of the customer, and whether it objects."""
    view = ServingView(world.redis, world.root, "default")
    outcomes, _ = view.ask(questions.lookup(view.generations.current, "default", [COOKIE, LOGIN, MAIL]))
    told = [found_json(outcome, members=True) for outcome in outcomes]
    ids = [one["customer_id"] for one in told]
    return [(ids.index(one["customer_id"]), one.get("objected", False)) for one in told], ids


def reasons(world):
    view = ServingView(world.redis, world.root, "default")
    return {link.reason.split(":")[0] for link in view.ask(explain("default", COOKIE, LOGIN)).refused}


def test_a_visitor_steps_out_and_in_again(world):
    together, apart = [(0, False)] * 3, [(0, True), (1, False), (1, False)]
    was, ids = answers(world)
    assert was == together
    world.spoken("joining", withdrawn=True, cookie="c")
    assert answers(world)[0] == apart
    assert reasons(world) == {"objected"}
    assert answers(world)[1][1] == ids[1]  # the login keeps the id
    world.apply({"cookie": "c", "login": "tom"}, {"cookie": "c", "email": "e@example.com"})
    world.decide(COOKIE, LOGIN, Verdict.MUST)
    assert answers(world)[0] == apart
    world.spoken("joining", withdrawn=False, cookie="c")
    assert answers(world) == (together, ids)


def test_another_purpose_parts_nobody(world):
    world.spoken("ads", withdrawn=True, cookie="c")
    assert answers(world)[0] == [(0, False)] * 3


def test_of_another_customers_link_it_is_told_what_may_be(world):
    world.spoken("joining", withdrawn=True, cookie="c")
    view = ServingView(world.redis, world.root, "default")
    told = view.ask(explain("default", LOGIN, MAIL)).refused
    assert [link.reason for link in told] == [
        "shared, stale or objected: the cookie at its other end does not keep it"
    ]
