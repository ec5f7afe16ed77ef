"""Who is in which segments by the view that everybody reads, and who was by the generation alone."""

import pytest

from deploy.triggering import ViewMemberships
from schemas import Unavailable
from serving_layer.view import ServingView
from tests.graph.conftest import redis, server
from tests.serving.world import ANN, RULES, TOM, World

__all__ = ["redis", "server"]

SEGMENTS = RULES + "segments: {mailed: {consents: [{purpose: ads}]}}"
ZOE = {"login": "zoe"}  # of whom nothing else is known


@pytest.fixture
def world(redis, tmp_path):
    world = World(redis, tmp_path / "generations", rules=SEGMENTS)
    for login in ("tom", "zoe"):
        world.state(("login", login), live=False)
    world.publish(TOM, ANN, ZOE)
    world.go_live()
    return world


@pytest.fixture
def membership(world):
    view = ServingView(world.redis, world.root, "default")
    memberships = ViewMemberships(view, "default")

    def of(type_, value):
        (found,) = view.lookup([(type_, value)]).found
        now, published, offsets = memberships.of(found.customer)
        assert offsets == {
            **world.generation.manifest.offsets,
            "generation": {0: world.generation.number + 1},
        }
        return now, published

    of.memberships, of.view = memberships, view
    return of


def test_the_stream_is_told_apart_from_the_generation(world, membership):
    assert membership("login", "tom") == membership("login", "zoe") == (["mailed"], ["mailed"])
    assert membership("login", "ann") == ([], [])
    world.state(("login", "ann"))
    world.state(("login", "tom"), withdrawn=True)
    assert membership("login", "ann") == (["mailed"], [])
    assert membership("login", "tom") == ([], ["mailed"])


def test_the_generation_knows_a_customer_as_it_was(world, membership):
    world.apply({"cookie": "new"})
    world.state(("cookie", "new"))
    assert membership("cookie", "new") == (["mailed"], []), "it knows of no such customer"
    world.apply({"login": "ann", "cookie": "new"})
    assert membership("login", "ann") == (["mailed"], []), "what she joined by came with the cookie"
    world.apply({"login": "zoe", "cookie": "other"})
    assert membership("cookie", "other") == (["mailed"], ["mailed"])


def test_a_view_that_lost_its_stream_answers_nothing(membership, redis):
    (found,) = membership.view.lookup([("login", "tom")]).found
    assert "mailed" in membership.memberships.rules().segments
    redis.flushall()
    with pytest.raises(Unavailable):
        membership.memberships.of(found.customer)
    with pytest.raises(Unavailable):
        membership.memberships.rules()
