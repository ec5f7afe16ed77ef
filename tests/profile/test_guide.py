"""docs/profile.md: its rules can be used, and it names every rule and key."""

import re
from pathlib import Path

from identity import groups, rulefile, segment_rules
from identity.attribute_rules import KEYS
from identity.attributes import MOST_CHARACTERS, RULES
from identity.profile import MOST_SUMMED

PAGE = (Path(__file__).parents[2] / "docs" / "profile.md").read_text("utf-8")


def test_the_example_can_be_used():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert {rule.rule for rule in rulefile.parse(text).profile.values()} == {
        "most_trusted",
        "newest",
        "sum",
        "min",
    }


def test_every_rule_and_key_is_named():
    first_cells = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted([*KEYS, *RULES])


def test_limits_are_as_they_are():
    assert f"of an identifier the newest {MOST_SUMMED:,}" in PAGE
    assert f"texts up to {MOST_CHARACTERS:,} characters" in PAGE


SEGMENTS = (Path(__file__).parents[2] / "docs" / "segments.md").read_text("utf-8")


def test_the_segments_and_groups_can_be_used():
    segments, groups_ = map(rulefile.parse, re.findall(r"```yaml\n(.*?)```", SEGMENTS, re.DOTALL))
    assert list(segments.segments) == ["good_customers", "regulars", "win_back"]
    assert list(groups_.groups) == ["household", "business", "portfolio"]


def test_every_key_of_segments_is_named():
    for name in (
        *segment_rules.KEYS,
        *segment_rules.EVENT_KEYS,
        *segment_rules.KNOWN_KEYS,
        *segment_rules.CONSENT_KEYS,
        *segment_rules.STATUSES,
        *groups.KEYS,
    ):
        assert re.search(rf"[`{{]{name}[`:]", SEGMENTS), name
    assert f"both below {segment_rules.MOST:,}" in SEGMENTS
