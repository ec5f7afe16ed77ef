"""What the worker's scripts do inside Redis, one case each."""

import pytest

from identity import Facts, Identifier, Minter, Rules, TypeRule, Verdict
from schemas import overlay, records
from speed_layer.errors import LostView
from speed_layer.view import ViewState, read_offsets, script
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream

RULES = Rules({"login": TypeRule("login", 1, max=1), "cookie": TypeRule("cookie", 2)})
MINTER = Minter(b"a key for tests")
TOM, ANN, ONE, TWO = (
    Identifier("login", "tom"),
    Identifier("login", "ann"),
    Identifier("cookie", "1"),
    Identifier("cookie", "2"),
)


def sighting(*identifiers, at=1):
    facts = Facts()
    facts.add_sighting(identifiers, at, at)
    return facts


@pytest.fixture
def generation(tmp_path):
    """Tom, known by one cookie."""
    view, _ = built(sighting(TOM, ONE), RULES, MINTER)
    return publish(tmp_path, entries(view), offsets={"web.events": {0: 5, 1: 7}})


@pytest.fixture
def stream(redis, generation):
    return Stream(redis, generation, RULES, MINTER)


def keys(redis):
    return {key: redis.dump(key) for key in redis.scan_iter()}


def test_a_commit_writes_all_of_an_update_and_its_changes(redis, stream, generation):
    view, (update,) = stream.resolve(sighting(ANN, TWO, at=2))
    assert stream.commit(view, [update], [b"first", b"second"]) == ["ok"]
    assert [fields for _, fields in redis.xrange(overlay.OUTBOX)] == [{b"first": b"", b"second": b""}]
    (customer,) = update.after
    assert stream.view().customers([TWO])[TWO] == customer
    assert redis.hget(*overlay.id_field("default", customer.id)) == records.identifier_digest(TWO)
    tom = records.node_key("default", TOM)
    assert redis.get(overlay.view_prefix(generation.number) + tom) is None


def test_of_two_that_read_the_same_one_is_refused_whole(redis, stream):
    view, updates = stream.resolve(sighting(TOM, TWO, at=2))
    other, other_updates = stream.resolve(sighting(TOM, Identifier("cookie", "3"), at=3))
    assert stream.commit(view, updates, [b"mine"]) == ["ok"]
    before = keys(redis)
    assert stream.commit(other, other_updates, [b"theirs"]) == ["conflict"]
    assert keys(redis) == before
    assert stream.commit(view, updates, [b"mine"]) == ["conflict"]
    assert keys(redis) == before
    assert stream.commit(*stream.resolve(sighting(TOM, Identifier("cookie", "3"), at=3))) == ["ok"]
    assert len(stream.view().customers([ONE])[ONE].members) == 4


@pytest.mark.parametrize("lost", ["another epoch", "none"])
def test_nothing_is_committed_to_a_view_that_was_lost(redis, stream, generation, lost):
    view, updates = stream.resolve(sighting(ANN, TWO, at=2))
    if lost == "none":
        redis.flushall()
    else:
        redis.set(overlay.epoch_key(generation.number), "another")
    before = keys(redis)
    assert stream.commit(view, updates, [b"change"]) == ["epoch"]
    assert keys(redis) == before
    with pytest.raises(LostView, match="view on generation 1 is gone"):
        stream.state.advance({b"web.events:0": 9}, 9)
    assert keys(redis) == before


def test_a_customer_that_is_gone_leaves_a_tombstone_over_the_generation(redis, stream, generation):
    early = Identifier("cookie", "0")
    stream.apply(sighting(TOM, early, at=2))
    key = records.customer_key("default", ONE)
    value = redis.get(overlay.view_prefix(generation.number) + key)
    assert overlay.record_of(value) == b""
    assert generation.get([key])
    assert stream.view().customers([ONE]) == {}
    assert stream.view().customers([early])[early].members == (early, ONE, TOM)


def test_what_is_under_a_tombstone_can_come_back_with_a_higher_version(redis, stream, generation):
    early = Identifier("cookie", "0")
    address = overlay.view_prefix(generation.number) + records.customer_key("default", ONE)
    stream.apply(sighting(TOM, early, at=2))
    gone = overlay.version_of(redis.get(address))
    parted = Facts()
    parted.add_decision(TOM, early, Verdict.CANNOT, 3, 3)
    stream.apply(parted)
    assert stream.view().customers([ONE])[ONE].members == (ONE, TOM)
    assert overlay.version_of(redis.get(address)) > gone


def test_a_view_begins_at_the_cut_off_and_is_found_again(redis, generation):
    first = ViewState(redis, generation)
    assert first.offsets() == {b"web.events:0": 5, b"web.events:1": 7}
    first.advance({b"web.events:0": 6}, 60)
    second = ViewState(redis, generation)
    assert second.epoch == first.epoch
    assert second.offsets() == {b"web.events:0": 6, b"web.events:1": 7}


def test_offsets_and_freshness_never_go_backwards(redis, generation):
    state = ViewState(redis, generation)
    for offset, through in ((20, 200), (10, 100), (21, 150), (15, 300), (18, 250)):
        state.advance({b"web.events:0": offset, b"new:3": 1}, through)
    assert state.offsets() == {b"web.events:0": 21, b"web.events:1": 7, b"new:3": 1}
    assert redis.get(overlay.through_key(1)) == b"300"


def switch(redis, old=1, new=2):
    names = [
        overlay.LIVE,
        overlay.offsets_key(old),
        overlay.offsets_key(new),
        overlay.PAUSE,
        overlay.through_key(old),
        overlay.through_key(new),
        overlay.LEFT,
        overlay.side_key(new),
        overlay.erasures_key(old),
        overlay.erasures_key(new),
    ]
    return script(redis, "switch.lua")(keys=names, args=[old, new])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a:0": 1}, {"a:0": 2}),
        ({"a:0": 2}, {"a:0": 1}),
        ({"a:0": 1, "a:1": 1}, {"a:0": 1}),
        ({"a:0": 1}, {"a:0": 1, "a:1": 1}),
        ({"a:0": 1}, {"a:1": 1}),
        ({"a:0": 1}, {}),
        ({}, {}),
        ({}, {"a:0": 1}),
    ],
)
def test_readers_do_not_move_while_offsets_differ(redis, old, new):
    redis.set(overlay.LIVE, 1)
    redis.set(overlay.PAUSE, 1)
    for number, offsets in ((1, old), (2, new)):
        if offsets:
            redis.hset(overlay.offsets_key(number), mapping=offsets)
    before = keys(redis)
    assert switch(redis) == 0
    assert keys(redis) == before


def test_readers_move_when_both_views_hold_the_same(redis):
    redis.set(overlay.LIVE, 1)
    redis.set(overlay.PAUSE, 1)
    redis.set(overlay.through_key(1), 300)
    redis.set(overlay.through_key(2), 200)
    for number, offsets in ((1, {"a:0": 4, "a:1": 9}), (2, {"a:1": 9, "a:0": 4})):
        redis.hset(overlay.offsets_key(number), mapping=offsets)
    waiting = redis.xadd(overlay.side_key(2), {"facts": b"", "pending": b""})
    assert switch(redis) == 0, "what waits for the side lane is not in the view yet"
    redis.xdel(overlay.side_key(2), waiting)
    assert switch(redis) == 1
    assert redis.get(overlay.LIVE) == b"2"
    assert not redis.exists(overlay.PAUSE)
    assert redis.smembers(overlay.LEFT) == {b"1"}
    assert redis.get(overlay.through_key(2)) == b"300"
    assert read_offsets(redis, 2) == {b"a:0": 4, b"a:1": 9}
    # A worker that asks late moves nobody.
    redis.set(overlay.LIVE, 3)
    assert switch(redis) == 0
    assert redis.get(overlay.LIVE) == b"3"


def test_tenants_share_a_redis_and_nothing_else(redis, generation):
    streams = [
        Stream(redis, generation, RULES, Minter(b"a key for tests", name)) for name in ("a", "ab", "default")
    ]
    for stream in streams[:2]:
        stream.apply(sighting(ANN, ONE, at=2))
    found = [stream.view().nodes([ANN, TOM, ONE]) for stream in streams]
    assert [sorted(nodes) for nodes in found] == [[ONE, ANN], [ONE, ANN], [ONE, TOM]]
    assert len({nodes[ONE].customer for nodes in found}) == 3
