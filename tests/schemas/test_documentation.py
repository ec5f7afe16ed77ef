"""docs/events.md shows what is really accepted."""

import re
from pathlib import Path

import msgspec
import pytest

from schemas import TOPICS, decode

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
NOW = 1_767_312_000_000_000  # 2026-01-02


def section(topic):
    title = re.sub(r"(?<=[a-z])([A-Z])", lambda match: " " + match[1].lower(), topic.record.__name__)
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_its_example_is_accepted_and_its_table_names_every_field(topic):
    (example,) = re.findall(r"```json\n(.*?)```", section(topic), flags=re.DOTALL)
    assert isinstance(decode(topic.name, example.encode(), NOW), topic.record)
    assert msgspec.json.decode(example).keys() <= set(topic.record.__struct_fields__)
    table = [line.split("|")[1] for line in section(topic).splitlines() if line.startswith("| `")]
    named = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(topic.record.__struct_fields__)
    assert f"| `{topic.name}`" in PAGE
