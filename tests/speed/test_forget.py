"""After a handover only that stays which a reader of the new view may ask for."""

from identity import Identifier, Minter
from schemas import overlay, records
from speed_layer.forget import forget
from tests.graph.stream import Stream
from tests.speed.world import ANN, KEY, TOM, A, B, generation_of, sighting, stream_on


def ids(redis):
    """What every unpublished id was minted from."""
    return {
        (overlay.id_bucket(key)[0], (overlay.id_bucket(key)[1] + field).decode()): anchor
        for key in redis.scan_iter(match=overlay.ROOT + b"i*")
        for field, anchor in redis.hgetall(key).items()
    }


def of_view(redis, number):
    return set(redis.scan_iter(match=overlay.view_prefix(number) + b"*"))


def test_the_old_view_goes_and_with_it_what_is_published(redis, tmp_path):
    first = generation_of(tmp_path)
    stream = stream_on(redis, first)
    stream.apply(sighting(TOM, A))
    stream.apply(sighting(ANN, at=2))
    tom, ann = (stream.view().nodes([x])[x].customer for x in (TOM, ANN))
    assert ids(redis) == {
        ("default", tom): records.identifier_digest(A),
        ("default", ann): records.identifier_digest(ANN),
    }
    # Another tenant with the same identifiers, of whom the next generation knows nothing.
    other = Stream(redis, first, stream._rules, Minter(KEY, "other"))
    other.apply(sighting(TOM))
    redis.set(overlay.LIVE, 2)
    redis.set("another program's", 1)
    second = generation_of(tmp_path, sighting(TOM, A), number=2)
    beside = stream_on(redis, second)
    beside.apply(sighting(ANN, at=2))
    kept = of_view(redis, 2)
    assert of_view(redis, 1)

    theirs = other.view().nodes([TOM])[TOM].customer

    redis.delete(overlay.epoch_key(1))
    forget(redis, 1, second)

    assert of_view(redis, 1) == set()
    assert of_view(redis, 2) == kept
    assert ids(redis).keys() == {("default", ann), ("other", theirs)}
    assert redis.get(overlay.LIVE) == b"2"
    assert redis.get("another program's") == b"1"
    assert beside.view().nodes([ANN])[ANN].customer == ann
    assert beside.view().nodes([TOM])[TOM].customer == tom


def test_more_than_is_dropped_at_a_time(redis, tmp_path):
    stream = stream_on(redis, generation_of(tmp_path))
    many = [Identifier("cookie", str(i)) for i in range(2_500)]
    facts = sighting(B)
    for x in many:
        facts.update(sighting(x))
    stream.apply(facts)
    # View 10 begins with the same digits as view 1.
    redis.set(overlay.view_prefix(10) + b"epoch", "x")
    redis.delete(overlay.epoch_key(1))
    forget(redis, 1, generation_of(tmp_path, facts, number=2))
    assert (of_view(redis, 1), ids(redis)) == (set(), {})
    assert len(of_view(redis, 10)) == 1


def test_a_view_that_was_begun_anew_is_left_alone(redis, tmp_path):
    stream_on(redis, generation_of(tmp_path)).apply(sighting(TOM, A))
    kept = of_view(redis, 1)
    assert overlay.epoch_key(1) in kept
    forget(redis, 1, generation_of(tmp_path, number=2))
    assert of_view(redis, 1) == kept
