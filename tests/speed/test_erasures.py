"""A lane and the topic of erasures: gone at once, and no replay brings anybody back."""

import pytest

from identity import graph
from identity.tombstones import Tombstones
from schemas import Malformed, encode, overlay
from schemas.ledger import Ledger, forgotten
from serving_layer.view import ServingView
from speed_layer.erasures import ErasureLog
from speed_layer.errors import Outdated
from speed_layer.side_lane import SideLane
from tests.speed.kafka import FakeErasures, FakeMessage, numbered
from tests.speed.world import (
    ANN,
    KEY,
    MAIL,
    RULES,
    TOM,
    A,
    B,
    C,
    erasure,
    event,
    generation_of,
    lane_on,
    sighting,
    told,
)

START = 1_767_312_000_000  # 2026-01-02, in milliseconds


@pytest.fixture
def view(redis, tmp_path):
    redis.set(overlay.LIVE, 1)
    return ServingView(redis, tmp_path, "default")


def customer(view, x):
    (found,) = view.lookup([tuple(x)]).found
    return found.customer


def everything(redis):
    """All keys and values of Redis."""
    found = []
    for key in redis.scan_iter():
        found.append(key)
        kind = redis.type(key)
        if kind == b"hash":
            found += [part for pair in redis.hgetall(key).items() for part in pair]
        elif kind == b"stream":
            found += [part for _, fields in redis.xrange(key) for pair in fields.items() for part in pair]
        else:
            found.append(redis.get(key))
    return b"\n".join(found)


def test_a_customer_of_generation_and_stream_is_gone(redis, tmp_path, view):
    generation = generation_of(tmp_path, sighting(ANN, A), sighting(TOM, B, at=2))
    heard = FakeErasures()
    lane, _ = lane_on(redis, generation, numbered([event(0, login="ann", mail="x")], START), heard)
    lane.step(0)
    old = customer(view, ANN)
    assert set(old.members) == {ANN, A, MAIL}
    redis.delete(overlay.OUTBOX)
    heard.messages.append(erasure(ANN, A, MAIL, at=START + 10))
    lane.step(0)
    assert [customer(view, x) for x in (ANN, A, MAIL)] == [None] * 3
    assert view.customer(old.id)[0] is None
    assert [each.members for each in view.customers()] == [tuple(sorted((TOM, B)))]
    (change,) = told(redis)
    assert (change.kind, change.customer_id, change.identifiers, change.previous) == (
        "erased",
        old.id,
        [],
        [],
    )


def test_what_was_stated_and_claimed_is_gone_too(redis, tmp_path):
    generation = generation_of(tmp_path, sighting(TOM, B), rules=RULES + "profile: {town: {}}")
    heard = FakeErasures()
    said = event(0, login="ann").replace(
        b"}}", b'}, "properties": {"town": "Bathtown"}, "consent": {"adverts": true}}'
    )
    lane, _ = lane_on(redis, generation, numbered([said], START), heard)
    lane.step(0)
    assert b"Bathtown" in everything(redis)
    assert b"adverts" in everything(redis)
    heard.messages.append(erasure(ANN, at=START + 10))
    lane.step(0)
    assert b"Bathtown" not in everything(redis)
    assert b"adverts" not in everything(redis)


def test_a_replay_claims_nothing_of_what_was_told_of_the_erased(redis, tmp_path):
    """The cookie stays; where she lives was never its owner's."""
    generation = generation_of(tmp_path, sighting(TOM, A), rules=RULES + "profile: {town: {}}")
    said = event(1, login="ann", cookie="a").replace(b"}}", b'}, "properties": {"town": "Bathtown"}}')
    own = event(0, cookie="a").replace(b"}}", b'}, "properties": {"town": "Elytown"}}')
    heard = FakeErasures([erasure(ANN, at=START + 5)])
    lane, _ = lane_on(redis, generation, numbered([said, own], START), heard)
    lane.step(0)
    assert b"Bathtown" not in everything(redis)
    assert b"Elytown" in everything(redis)


def last_word(message):
    """What takes the place of an erasure once every store has forgotten."""
    ledger = Ledger(KEY)
    request = ledger.take(message.value(), message.timestamp()[1] * 1_000)
    done = forgotten(request, ledger.of("default"))
    return FakeMessage("customer.erasures", 0, 7, encode(done), START + 999_000, b"x-1")


@pytest.mark.parametrize("compacted", [False, True])
def test_a_replay_from_the_beginning_brings_nobody_back(redis, tmp_path, view, compacted):
    generation = generation_of(tmp_path)
    events = [event(0, login="ann", cookie=["a", "b"]), event(1, login="ann"), event(2, cookie=["b", "c"])]
    message = erasure(ANN, A, B, at=START + 5)
    if compacted:
        message = last_word(message)
    for messages in (events, events * 2):
        lane, _ = lane_on(redis, generation, numbered(messages, START), FakeErasures([message]))
        lane.step(0)
        assert [customer(view, x) for x in (ANN, A, B)] == [None] * 3
        assert customer(view, C).members == (C,)
    assert b"ann" not in everything(redis)


def test_a_generation_that_was_put_back_is_not_stood_on(redis, tmp_path):
    """Nothing leads from a tombstone to whom it means."""
    generation = generation_of(tmp_path, sighting(ANN, A))
    heard = FakeErasures([last_word(erasure(ANN, A, at=START))])
    lane, _ = lane_on(redis, generation, numbered([event(0, login="tom")], START), heard)
    with pytest.raises(Outdated, match="run 'ucid batch'"):
        lane.step(0)


def test_who_comes_again_is_somebody_new(redis, tmp_path, view):
    generation = generation_of(tmp_path, sighting(ANN, A))
    old = customer(view, ANN).id
    heard = FakeErasures([erasure(ANN, A, at=START + 1)])
    again = [event(0, login="ann"), event(1, cookie="a"), event(2, login="ann", cookie="b")]
    lane, _ = lane_on(redis, generation, numbered(again, START), heard)
    lane.step(0)
    new = customer(view, ANN)
    assert new.members == tuple(sorted((ANN, B)))
    assert new.id != old
    assert customer(view, A) is None
    assert view.customer(old)[0] is None
    assert view.customer(new.id)[0] == new


def test_an_id_that_no_generation_published_leads_nowhere(redis, tmp_path, view):
    generation = generation_of(tmp_path)
    heard = FakeErasures()
    log = numbered([event(0, login="ann"), event(1, login="tom")], START)
    lane, _ = lane_on(redis, generation, log, heard)
    lane.step(0)
    old, other = customer(view, ANN).id, customer(view, TOM)
    heard.messages.append(erasure(ANN, at=START + 5))
    lane.step(0)
    again = FakeErasures(heard.messages)
    later, _ = lane_on(redis, generation, numbered([event(3, login="ann")], START + 9, start=2), again)
    later.step(0)
    assert customer(view, ANN) is not None
    assert view.customer(old)[0] is None
    assert view.customer(other.id)[0] == other


def test_a_bridge_that_is_erased_leaves_two(redis, tmp_path, view):
    generation = generation_of(tmp_path, sighting(ANN, A), sighting(A, MAIL), sighting(MAIL, B))
    lane, _ = lane_on(redis, generation, [], FakeErasures([erasure(A, at=START)]))
    lane.step(0)
    assert customer(view, ANN).members == (ANN,)
    assert set(customer(view, B).members) == {B, MAIL}


def test_what_waits_for_the_side_lane_is_screened(redis, tmp_path, view, monkeypatch):
    generation = generation_of(tmp_path, sighting(ANN, A, MAIL), sighting(TOM, B))
    heard = FakeErasures()
    with monkeypatch.context() as patch:
        patch.setattr(graph, "LARGE", 1)
        lane, _ = lane_on(
            redis, generation, numbered([event(0, login="tom", cookie=["a", "c"])], START), heard
        )
        lane.step(0)
    assert redis.xlen(overlay.side_key(1)) == 1
    heard.messages.append(erasure(A, at=START + 1))
    lane.step(0)
    side = SideLane(redis, tmp_path, KEY, lambda: FakeErasures(heard.messages))
    side.step()
    assert customer(view, A) is None
    assert set(customer(view, TOM).members) == {TOM, B, C}


def test_a_thousand_are_gone_and_nothing_in_redis_names_them(redis, tmp_path, view):
    people = [f"person-{i}" for i in range(1_000)]
    events = [event(i, login=name, mail=f"{name}@example.com") for i, name in enumerate(people)]
    generation = generation_of(tmp_path, sighting(TOM, A))
    heard = FakeErasures()
    lane, _ = lane_on(redis, generation, numbered([*events, event(1, login="ann")], START), heard)
    while lane.step(0):
        pass
    assert b"person-999" in everything(redis)
    redis.delete(overlay.OUTBOX)  # on its way to a topic with a retention
    at = START + 2_000
    heard.messages += [
        erasure(("login", name), ("mail", f"{name}@example.com"), at=at, offset=i, id_=f"x-{i}")
        for i, name in enumerate(people)
    ]
    lane.step(0)
    left = everything(redis)
    tombstones = Tombstones(KEY)
    assert b"person-" not in left
    assert tombstones.digest(("login", "person-1")) not in left
    assert {each.members for each in view.customers()} == {(ANN,), tuple(sorted((TOM, A)))}


def test_what_is_no_erasure_stops_nobody(caplog):
    odd = FakeMessage("customer.erasures", 0, 0, b"ann@example.com", START)
    good = erasure(ANN, at=START, offset=3)
    log = ErasureLog(FakeErasures([odd, good]), Ledger(KEY))
    (request,) = log.read(level=True)
    assert request.identifiers == (ANN,)
    assert log.offset == 4
    assert "is no erasure" in caplog.text
    assert "ann@" not in caplog.text
    with pytest.raises(Malformed):
        Ledger(KEY).take(b"", 0)
