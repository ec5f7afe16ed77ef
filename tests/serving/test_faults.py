"""Redis away, readers moved, generations damaged: an answer is right and says so, or is a clear error."""

import gc

import pytest

from identity import Identifier, UnknownTypeError
from schemas import Unavailable, overlay
from schemas.generation import BrokenGeneration, path_of
from serving_layer.generations import RETRY_S
from serving_layer.view import ServingView
from tests.graph.redis_server import RedisServer
from tests.graph.stream import Stream
from tests.serving.world import ANN, TOM, World, identifiers


@pytest.fixture
def own_server():
    """A Redis that a test may stop."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def lonely(own_server, tmp_path):
    """A world whose Redis can go away; the stream knows of a cookie of Tom's."""
    world = World(own_server.client(), tmp_path)
    world.publish()
    world.go_live()
    world.apply({**TOM, "cookie": "new"})
    return world


@pytest.fixture
def away(own_server, lonely):
    """A view that met its Redis, which then went away."""
    view = ServingView(lonely.redis, lonely.root, "default")
    assert not view.freshness().stale
    own_server.stop()
    return view


def members(view, *question):
    answer = view.lookup([question])
    customer = answer.found[0].customer
    return customer and set(customer.members), answer.freshness


def test_without_redis_the_generation_answers(away):
    known, freshness = members(away, "login", "tom")
    assert known == identifiers(TOM)
    assert freshness == (1, None, True, ())
    assert members(away, "cookie", "new") == (None, freshness)
    assert away.lookup([("cookie", "kiosk")]).found[0].reason.startswith("hot: ")
    assert away.freshness().stale


def test_without_redis_a_published_id_is_found(away):
    customer = away.lookup([("login", "tom")]).found[0].customer
    assert away.customer(customer.id) == (customer, away.freshness())


def test_who_starts_without_redis_stands_on_the_newest_generation_that_is_whole(own_server, lonely):
    for number in (2, 3):
        lonely.publish({"login": f"of {number}"}, number=number)
    (path_of(lonely.root, 3) / "manifest.json").unlink()
    lonely.generation = None
    gc.collect()
    own_server.stop()
    view = ServingView(own_server.client(), lonely.root, "default")
    assert members(view, "login", "of 2") == ({Identifier("login", "of 2")}, (2, None, True, ()))


def test_a_redis_that_comes_back_empty_is_told_until_the_view_is_built_again(own_server, lonely, away):
    own_server.start()
    assert members(away, "login", "tom") == (identifiers(TOM), (1, None, True, ()))
    lonely.go_live()
    lonely.apply({**TOM, "cookie": "new"})
    known, freshness = members(away, "login", "tom")
    assert known == identifiers(TOM) | {Identifier("cookie", "new")}
    assert not freshness.stale


def test_a_view_that_is_being_built_is_out_of_sight_until_it_is_whole(world, view):
    world.apply({**TOM, "cookie": "old"})
    assert not view.freshness().stale
    world.redis.flushall()
    world.stream = Stream(world.redis, world.generation, world.rules, world.minter)
    world.apply({**ANN, "cookie": "new"})
    assert members(view, "login", "ann") == (identifiers(ANN), (1, None, True, ()))
    assert members(view, "cookie", "new")[0] is None
    assert view.freshness().stale
    with pytest.raises(Unavailable, match="is being built"):
        list(view.customers())
    world.redis.set(overlay.LIVE, 1)
    assert members(view, "cookie", "new") == (identifiers({**ANN, "cookie": "new"}), (1, None, False, ()))
    assert len(list(view.customers())) > 1


def hand_over(world):
    """Readers move to a generation where Tom has a cookie, and the stream on it has given him another."""
    world.publish(TOM, ANN, {**TOM, "cookie": "batch"}, number=2)
    world.go_live()
    world.apply({**TOM, "cookie": "stream"})


def test_when_readers_have_moved_the_next_answer_is_of_the_new_generation(world, view):
    world.apply({**TOM, "cookie": "old"})
    assert members(view, "cookie", "old")[1].generation == 1
    hand_over(world)
    known, freshness = members(view, "login", "tom")
    assert known == identifiers(TOM) | {Identifier("cookie", "batch"), Identifier("cookie", "stream")}
    assert freshness.generation == 2
    assert members(view, "cookie", "old")[0] is None


def test_readers_that_move_while_one_is_asking_get_nothing_mixed(world, view, monkeypatch):
    asked = []

    def move_first(below):
        if not asked:
            hand_over(world)
        asked.append(below.standing.number)
        return ServingView._look(view, below)

    assert view.freshness().generation == 1
    monkeypatch.setattr(view, "_look", move_first)
    answer = view.lookup([("login", "tom"), ("cookie", "batch"), ("cookie", "stream")])
    assert asked == [1, 2]
    assert answer.freshness.generation == 2
    assert len({found.customer for found in answer.found}) == 1
    assert len(answer.found[0].customer.members) == 4


def test_readers_that_never_stand_still_are_an_error_and_no_guess(world, view, monkeypatch):
    world.publish(TOM, number=2)
    monkeypatch.setattr(view, "_look", lambda below: [b"%d" % (3 - below.standing.number)])
    with pytest.raises(BrokenGeneration, match="readers moved on each time"):
        view.lookup([("login", "tom")])


@pytest.mark.parametrize("damage", ["no directory", "no manifest", "no shard", "torn shard"])
def test_where_the_live_generation_is_broken_the_one_before_answers(world, tmp_path, damage):
    view = ServingView(world.redis, world.root, "default")
    view.generations._clock = lambda: clock
    clock = 0.0
    world.apply({**TOM, "cookie": "new"})
    assert not members(view, "login", "tom")[1].stale
    world.publish(TOM, number=2)
    world.generation = None
    gc.collect()
    world.redis.set(overlay.LIVE, 2)
    directory = path_of(world.root, 2)
    harmed = {"no directory": directory, "no manifest": directory / "manifest.json"}.get(
        damage, directory / "shard-0001.mdb"
    )
    kept = harmed.rename(tmp_path / "kept")
    if damage == "torn shard":
        harmed.write_bytes(kept.read_bytes()[:100])
    assert members(view, "login", "tom") == (identifiers(TOM), (1, None, True, ()))
    kept.rename(harmed)
    clock = RETRY_S
    assert members(view, "login", "tom")[1][:3] == (2, None, False)


def test_a_system_that_has_not_begun(redis, tmp_path):
    view = ServingView(redis, tmp_path / "nowhere", "default")
    for question in (view.freshness, lambda: view.customer("c_x"), lambda: list(view.customers())):
        with pytest.raises(BrokenGeneration, match="nowhere: run 'ucid batch'"):
            question()


def test_without_redis_an_id_that_the_stream_may_know_is_not_said_to_be_nobody_s(away):
    customer, freshness = away.customer("c_aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert customer is None
    assert freshness.stale


def test_without_redis_there_is_no_export(away):
    with pytest.raises(Unavailable, match="without Redis no export is whole"):
        list(away.customers())


def test_new_rules_are_asked_as_soon_as_readers_stand_on_them(own_server, tmp_path):
    world = World(own_server.client(), tmp_path)
    world.publish()
    world.go_live()
    view = ServingView(world.redis, world.root, "default")
    with pytest.raises(UnknownTypeError):
        view.lookup([("card", "1234")])
    newer = World(world.redis, world.root, rules="identifiers: {card: {rank: 1}}")
    newer.publish({"card": "1234"}, number=2)
    newer.go_live()
    assert members(view, "card", "1234")[0] == {Identifier("card", "1234")}
