"""GET /v1/segments: what the batch counted, for the tenant that asks."""

import pytest

from schemas import counted
from schemas.counted import Counted
from tests.serving.client import Served
from tests.serving.conftest import aio
from tests.serving.world import RULES, World

SEGMENTS = """
segments:
  rich:   {profile: {spent: {min: 500}}, key: true}
  locals: {profile: {town: Bath}, unless: {profile: {news: true}}}
"""
AT = 1_772_500_000_000_000


@pytest.fixture
def shop(redis, server, tmp_path):
    """A server on generation 3; 1 to 3 are kept, and were counted."""
    world = World(redis, tmp_path / "generations", rules=RULES + SEGMENTS.replace("500", "100"))
    publish(world, 1, default={"rich": 99, "locals": 1})
    world = World(redis, world.root, rules=RULES + SEGMENTS)
    publish(world, 2, default={"rich": 3, "locals": 2}, other={"rich": 7})
    publish(world, 3, default={"rich": 4}, other={"locals": 8})
    world.go_live()
    with Served(world, tmp_path, aio(server)) as served:
        yield served


def publish(world, number, **segments):
    generation = world.publish(number=number, as_of=AT)
    found = [Counted(tenant="", at=AT + number)]
    found += [Counted(tenant=name, at=AT + number, segments=counts) for name, counts in segments.items()]
    counted.save(generation.directory, found)


def asked(served, tenant="default"):
    answer = served.ask("GET", "/v1/segments", key=served.key("read", tenant=tenant))
    assert answer.status == 200
    return answer.json()


def moment(number):
    return f"2026-03-03T01:06:40.{number:06d}+00:00"


def test_each_segment_is_told_with_its_conditions_and_its_count(shop):
    found = asked(shop)
    assert (found["generation"], found["as_of"], found["counted_at"]) == (
        3,
        "2026-03-03T01:06:40+00:00",
        moment(3),
    )
    rich, locals_ = found["segments"]
    assert (rich["name"], rich["key"], rich["when"], rich["unless"]) == (
        "rich",
        True,
        ["spent is at least 500"],
        [],
    )
    assert (locals_["when"], locals_["unless"]) == (["town is Bath"], ["news is true"])
    assert [each["customers"] for each in (rich, locals_)] == [4, 0]


def test_former_runs_count_where_they_asked_the_same(shop):
    rich, locals_ = asked(shop)["segments"]
    assert rich["past"] == [{"generation": 2, "counted_at": moment(2), "customers": 3}]
    assert [(run["generation"], run["customers"]) for run in locals_["past"]] == [(1, 1), (2, 2)]


def test_a_tenant_sees_its_own_counts_only(shop):
    counts = [[each["customers"] for each in asked(shop, name)["segments"]] for name in ("other", "third")]
    assert counts == [[0, 8], [0, 0]]
    past = [run["customers"] for each in asked(shop, "third")["segments"] for run in each["past"]]
    assert past == [0, 0, 0]


def test_rules_without_segments_have_none(served):
    assert asked(served)["segments"] == []


def test_what_nobody_counted_is_not_known(shop):
    for file in shop.world.generation.directory.glob("counted-*.json"):
        file.unlink()
    found = asked(shop)
    assert found["counted_at"] is None
    assert {each["customers"] for each in found["segments"]} == {None}
