"""Whose an event is, by the view that everybody reads."""

import pytest

from deploy.triggering import ViewCustomers
from schemas import Unavailable
from serving_layer.view import Answer, Found
from speed_layer.triggers.errors import NotYet
from tests.serving.conftest import redis, server, view, world
from tests.serving.world import ANN, TOM

__all__ = ["redis", "server", "view", "world"]

IGNORING = """
identifiers:
  login:  {rank: 1, unique: true}
  cookie: {rank: 9, max: 50}
unknown_identifiers: ignore
"""


@pytest.fixture
def customers(world, view):
    return ViewCustomers(view, world.root)


def event(**identifiers):
    return {type_: [value] for type_, value in identifiers.items()}


def known(view, type_, value):
    return view.lookup([(type_, value)]).found[0].customer.id


def test_the_strongest_identifier_that_has_a_customer_decides(customers, view):
    tom, ann = known(view, "login", "tom"), known(view, "login", "ann")
    assert customers.of(
        [
            event(email="ann@example.com", login="tom"),
            event(email="ANN@example.com", login="nobody"),
            event(cookie="kiosk"),
            event(login="nobody"),
            event(login="test", email=TOM["email"]),
            {"email": ["nobody@example.com", ANN["email"]]},
            {},
        ]
    ) == [tom, ann, None, None, tom, ann, None]


def test_an_event_of_an_unknown_type_is_nobodys_as_the_worker_refuses_it(customers):
    assert customers.of([event(login="tom", telex="1")]) == [None]


def test_unknown_types_are_passed_over_where_the_rules_say_so(redis, tmp_path):
    from serving_layer.view import ServingView
    from tests.serving.world import World

    world = World(redis, tmp_path, rules=IGNORING)
    world.publish({"login": "tom", "cookie": "1"})
    world.go_live()
    view = ServingView(redis, tmp_path, "default")
    customers = ViewCustomers(view, tmp_path)
    assert customers.of([event(telex="1", cookie="1")]) == [known(view, "login", "tom")]


def test_an_earlier_id_means_the_survivor(customers, view, world):
    visitor = {"cookie": "new"}
    world.apply(visitor)
    former = known(view, "cookie", "new")
    world.apply({"login": "tom", "cookie": "new"})
    assert customers.current(former) == view.customer(former)[0]
    assert customers.current(former).id == known(view, "login", "tom") != former
    assert customers.current("c_nobody") is None


def test_a_view_that_lost_its_stream_answers_nothing(customers, redis):
    redis.flushall()
    with pytest.raises(Unavailable):
        customers.of([event(login="tom")])
    with pytest.raises(Unavailable):
        customers.current("c_nobody")


def test_who_waits_for_the_side_lane_is_waited_for_unless_known(customers, view, monkeypatch):
    def lookup(asked, real=view.lookup):
        found, freshness = real(asked)
        return Answer([Found(*one[:3], pending=True) for one in found], freshness)

    monkeypatch.setattr(view, "lookup", lookup)
    assert customers.of([event(login="tom")]) == [known(view, "login", "tom")]
    with pytest.raises(NotYet):
        customers.of([event(login="tom"), event(login="nobody")])
