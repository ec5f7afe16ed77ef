"""docs/redis.md names every key that is left in Redis, and says what they take."""

import re
from pathlib import Path

import pytest

from identity import Identifier, graph
from identity.reach import SPARE
from schemas import overlay
from speed_layer.side_lane import SideLane
from speed_layer.webhooks.replays import Replays, call_key
from tests.speed import redis_bytes
from tests.speed.kafka import FakeErasures, numbered
from tests.speed.world import ANN, KEY, RULES, TOM, B, erasure, event, generation_of, lane_on, sighting

PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text("utf-8")
PARTS = {
    "<g>": rb"\d+",
    "<tenant>": rb"[A-Za-z0-9_-]{1,64}",
    "<hash>": rb"[\x00-\xff]{16}",
    "<bucket>": rb"c_[a-z2-7]{3}",
    r"\0": rb"\x00",
}


def table(title):
    """The rows of a section's first table."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def pattern(key):
    pieces = re.split(r"(<\w+>|\\0)", key)
    return re.compile(
        b"".join(PARTS[piece] if piece in PARTS else re.escape(piece.encode()) for piece in pieces)
    )


KEYS = {row[0].strip("`"): row[1] for row in table("Keys")}


def test_every_key_has_its_row_and_every_row_its_key(redis, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "LARGE", 3)
    events = [
        event(0, cookie="x"),
        event(1, cookie="y", login="ann"),
        event(2, cookie="0", login="tom"),
        event(2, login="tom")[:-1] + b', "consent": {"ads": true}}',
        b"{",
        # A cookie that keeps one login, and meets more of them than fit into its record.
        *[event(3 + i, cookie="kiosk", login=f"guest-{i}") for i in range(SPARE + 2)],
        # One address of somebody who has more than a few goes to another.
        event(99, login="tom", mail="a@example.com"),
        event(100, login="ann").replace(b"}}", b'}, "properties": {"town": "Bath"}}'),
    ]
    mails = [Identifier("mail", f"{name}@example.com") for name in "abcd"]
    told = [sighting(TOM, B), *[sighting(ANN, mail) for mail in mails]]
    generation = generation_of(tmp_path, *told, rules=RULES + "profile: {town: {}}")
    heard = FakeErasures([erasure(ANN, at=0)])
    lane, _ = lane_on(redis, generation, numbered(events, 1_767_312_000_000), heard)
    assert lane.step(0) == len(events)
    redis.set(overlay.LIVE, 1)
    redis.set(overlay.PAUSE, 1)
    redis.set(overlay.REWRITTEN, 1)
    redis.set(overlay.LEASE, "somebody")
    before = rows_of(redis)
    assert SideLane(redis, tmp_path, KEY).step() > 0
    Replays(redis).begin(call_key("default", "newsletter", b"signed"), b"", 1_000_000_000)
    redis.hset(overlay.asked_key("default"), "a request", "an erasure that waits")
    assert before | rows_of(redis) == KEYS.keys()


def rows_of(redis):
    """The rows that tell of the keys that are there."""
    met = set()
    for key in redis.scan_iter():
        (row,) = [row for row in KEYS if pattern(row).fullmatch(key)]
        assert KEYS[row].encode() == redis.type(key)
        met.add(row)
    return met


@pytest.mark.parametrize("row", table("Sizes"), ids=lambda row: row[0])
def test_sizes_are_as_they_are_said(redis, tmp_path, row):
    generation = redis_bytes.publish(tmp_path, [], rules=redis_bytes.RULES)
    found = redis_bytes.measure(redis, generation, row[0], 4_000)
    # Ids share their buckets only where they are many, and so do the two totals.
    assert found["node"] == pytest.approx(int(row[3]), rel=0.2)
    assert found["customer"] == pytest.approx(int(row[4]), rel=0.2)


def test_every_shape_is_in_the_table():
    assert [row[0] for row in table("Sizes")] == list(redis_bytes.SHAPES)
