"""Claims in the stream: from messages to registers, and what happens where two workers meet."""

import json

import pytest

from identity import Identifier, rulefile
from identity.profile import Claim
from schemas import overlay
from schemas.claims import decode_registers, profile_key
from speed_layer import contention, profiles
from speed_layer.errors import Contention, LostView
from speed_layer.profiles import Profiles
from speed_layer.view import ViewState
from tests.speed.kafka import numbered
from tests.speed.world import RULES, event, generation_of, lane_on

WITH_PROFILE = RULES + "profile: {town: {}, spent: {rule: sum, sources: [web]}}"
ANN = Identifier("login", "ann")
NOON = 1_767_268_800_000_000
SAID = {ANN: {"town": [Claim(1, "Bath", "web", "e1", 5)]}}


def form(number, kind="form", **properties):
    return json.dumps(
        {
            "event_id": f"e{number}",
            "occurred_at": "2026-01-01T12:00:00Z",
            "kind": kind,
            "identifiers": {"cookie": "c", "login": "ann"},
            "properties": properties,
        }
    ).encode()


def known(redis, x=ANN):
    data = redis.get(overlay.view_prefix(1) + profile_key("default", x))
    return decode_registers(data) if data else None


@pytest.fixture
def generation(tmp_path):
    return generation_of(tmp_path, rules=WITH_PROFILE)


@pytest.fixture
def writer(redis, generation):
    return Profiles(redis, 1, ViewState(redis, generation), rulefile.parse(WITH_PROFILE))


def test_a_lane_notes_what_events_claim(redis, generation):
    messages = [
        form(1, town="Bath", spent="10", other="x"),
        form(2, "profile_update", town="York", spent="99"),  # which only the shop may say
        event(3, login="tom"),
        form(1, town="Bath", spent="10", other="x"),
        form(4, spent="2.5"),
        form(5, spent="much"),
    ]
    lane, _ = lane_on(redis, generation, numbered(messages, 1_767_312_000_000))
    assert lane.step(0) == len(messages)
    found = known(redis)
    assert [(claim.value, claim.source, claim.key, claim.at) for claim in found["town"]] == [
        ("York", "self_service", "e2", NOON)
    ]
    assert {(claim.value, claim.key) for claim in found["spent"]} == {("10", "e1"), ("2.5", "e4")}
    assert known(redis, Identifier("login", "tom")) is None


def test_events_that_segments_count_are_noted_plain_or_not(redis, tmp_path):
    rules = RULES + (
        "segments: {a: {events: [{web: {kind: form}}, {web: {kind: page_view, page: /^x/}, min: 2}]},"
        " b: {events: [{web: {kind: form, properties: {town: Bath}}, email: {outcome: click}}]}}"
    )
    plain = event(1, login="ann").replace(b"{", b'{"page": "x1", ', 1)
    messages = [plain, event(2, login="ann"), form(3), form(4, town="Bath"), event(5, cookie="z"), plain]
    generation = generation_of(tmp_path, rules=rules)
    lane, _ = lane_on(redis, generation, numbered(messages, 1_767_312_000_000))
    assert lane.step(0) == len(messages)
    assert {name: {claim.key for claim in some} for name, some in known(redis).items()} == {
        "#a.0": {"e4"},  # one decides
        "#a.1": {"e1"},
        "#b.0": {"e4"},
    }


def test_without_rules_nothing_is_kept(redis, tmp_path):
    lane, _ = lane_on(redis, generation_of(tmp_path), numbered([form(1, town="Bath")], 1_767_312_000_000))
    assert lane.step(0) == 1
    assert known(redis) is None


def test_who_comes_second_merges_with_the_first(redis, writer, monkeypatch):
    other = {ANN: {"town": [Claim(2, "York", "web", "e2", 6)], "spent": [Claim(2, "3", "web", "e2", 6)]}}
    real, before = profiles.merged, iter([True])

    def merged(*arguments):
        if next(before, False):
            monkeypatch.setattr(profiles, "merged", real)
            writer.write("default", other)  # another worker, between our reading and writing
        return real(*arguments)

    monkeypatch.setattr(profiles, "merged", merged)
    writer.write("default", SAID)
    assert {name: claim.value for name, (claim,) in known(redis).items()} == {"town": "York", "spent": "3"}


def test_who_always_comes_second_says_so(redis, writer, monkeypatch):
    real = profiles.merged

    def merged(*arguments):
        key = overlay.view_prefix(1) + profile_key("default", ANN)
        redis.set(key, profiles.encode_registers({"town": (Claim(0, f"{redis.incr('n')}", "web", "x", 0),)}))
        return real(*arguments)

    monkeypatch.setattr(profiles, "merged", merged)
    monkeypatch.setattr(contention, "MAX_TRIES", 3)
    with pytest.raises(Contention, match="3 times"):
        writer.write("default", SAID)


def test_into_a_view_that_is_gone_nothing_is_written(redis, writer):
    redis.flushall()
    with pytest.raises(LostView):
        writer.write("default", SAID)
    assert known(redis) is None
