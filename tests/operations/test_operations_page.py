"""docs/operations.md, the dashboard and the alarms speak of what is there."""

import json
import re
from pathlib import Path

import pytest
import yaml

import serving_layer.metrics
from speed_layer.metrics import Metrics
from speed_layer.refusals import CLASSES
from tests.operations.told import told_of_everything

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
ALERTS = yaml.safe_load((ROOT / "deploy" / "alerts" / "speed.yaml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy" / "dashboards" / "speed.json").read_text("utf-8"))
QUERIES = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


def table(title):
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]


@pytest.fixture
def families(redis):
    return list(told_of_everything(redis).registry.collect())


def test_every_metric_is_described_as_it_is(families):
    there = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if name.startswith("ucid_"):
            there[name] = (family.type, labels)
    said = {}
    for name, type_, *rest in table("Metrics"):
        said[name.strip("`")] = (type_, set(re.findall(r"`(\w+)`", rest[0])) if len(rest) > 1 else set())
    assert said == there


def test_every_metric_of_the_server_is_described_as_it_is():
    there = {}
    for family in serving_layer.metrics.Metrics().families():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        there[name] = family.type
    said = {row[0].strip("`"): row[1] for row in table("Serving") if row[0].startswith("`ucid_")}
    assert said == there


def test_queries_ask_for_what_is_there(families):
    there = {sample.name for family in families for sample in family.samples}
    asked = {name for query in QUERIES for name in re.findall(r"\b(?:ucid|process)_\w+", query)}
    assert asked - there == set()
    assert all(query.count("(") == query.count(")") for query in QUERIES)


def test_queries_sort_by_labels_that_are_there(families):
    known = {label for family in families for sample in family.samples for label in sample.labels}
    asked = {
        label.strip()
        for query in QUERIES
        for labels in re.findall(r"by \(([^)]*)\)", query)
        for label in labels.split(",")
    }
    assert asked <= known | {"instance", "job"}  # which Prometheus adds


def test_every_alarm_says_what_to_do():
    described = {name for row in table("Alarms") for name in re.findall(r"`(UcidSpeed\w+)`", row[0])}
    assert described == {rule["alert"] for rule in ALERTS}
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in ALERTS)


def test_every_reason_is_named():
    (row,) = [row for row in table("Metrics") if "dead_letters" in row[0]]
    assert set(CLASSES) <= set(re.findall(r"`(\w+)`", row[-1]))


def test_no_metric_is_there_that_nobody_looks_at():
    asked = " ".join(QUERIES)
    names = {family.name for family in Metrics().registry.collect() if family.name.startswith("ucid_")}
    assert [name for name in names if name not in asked] == []


def test_links_lead_somewhere():
    for page in ("operations.md", "settings.md"):
        text = (ROOT / "docs" / page).read_text("utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", text):
            path = (ROOT / "docs" / (target or page)).resolve()
            assert path.exists(), target
            titles = [
                re.sub(r"[^\w -]", "", t).lower().replace(" ", "-")
                for t in re.findall(r"\n#+ (.*)", path.read_text())
            ]
            assert not anchor or anchor in titles, anchor
