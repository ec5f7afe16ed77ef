"""Times that are widened where they stand in Redis: what `schemas.again` makes of the same record."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Identifier, Seen
from schemas import overlay, records
from schemas.again import seen_again
from speed_layer import commit
from speed_layer.commit import Committer
from speed_layer.errors import LostView
from speed_layer.view import SpeedView
from tests.schemas.test_again import any_times, nodes, seen_of
from tests.speed.world import A, B, generation_of, sighting

few = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
versions = st.sampled_from([1, 255, 256, 1 << 52])
# Of a key in Redis: no value, a version alone, or one with a record.
values = (
    st.none()
    | versions.map(lambda v: overlay.value(v, b""))
    | st.builds(overlay.value, versions, nodes().map(records.encode_node))
)


@pytest.fixture
def generation(tmp_path):
    return generation_of(tmp_path, sighting(B))


def widened(redis, generation, seen):
    view = SpeedView(redis, generation, "default")
    return dict(Committer(redis, 1).widen(view, b"epoch", seen)), view


@given(st.lists(st.tuples(values, seen_of(any_times)), max_size=7))
@few
def test_a_record_becomes_what_python_makes_of_it_or_is_left(redis, generation, monkeypatch, some):
    monkeypatch.setattr(commit, "SINGLE_TOGETHER", 3)
    redis.flushall()
    redis.set(overlay.epoch_key(1), b"epoch")
    prefix = overlay.view_prefix(1)
    before, seen = {}, {}
    for number, (value, sighting_) in enumerate(some):
        x = Identifier("cookie", str(number))
        before[x], seen[x] = value, sighting_
        if value is not None:
            redis.set(prefix + records.node_key("default", x), value)
    left, view = widened(redis, generation, seen)
    for x, value in before.items():
        key = records.node_key("default", x)
        version, record = overlay.version_of(value), overlay.record_of(value or b"")
        again = seen_again(record, seen[x]) if record else None
        now = redis.get(prefix + key)
        if again is None:
            assert (left[x], view.versions[key], now) == ((key, version, record), version, value)
        else:
            assert x not in left
            assert now == (value if again == record else overlay.following(version, again))


def test_what_the_generation_has_is_left_for_its_first_write(redis, generation):
    redis.set(overlay.epoch_key(1), b"epoch")
    left, view = widened(redis, generation, {A: Seen(2, 2, 2), B: Seen(2, 2, 2)})
    assert (left[A].record, left[A].version, left[B].version) == (b"", b"", b"")
    assert records.decode_node(left[B].record).seen == (1, 1, 1)
    assert view.stands(left[B].key)
    assert not view.stands(left[A].key)


def test_nothing_is_widened_in_a_view_that_was_lost(redis, generation):
    with pytest.raises(LostView):
        widened(redis, generation, {B: Seen(2, 2, 2)})
