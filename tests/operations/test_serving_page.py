"""Alarms and dashboard of the server speak of what is there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from serving_layer.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
(GROUP,) = yaml.safe_load((ROOT / "deploy" / "alerts" / "serving.yaml").read_text("utf-8"))["groups"]
ALERTS = GROUP["rules"]
PANELS = json.loads((ROOT / "deploy" / "dashboards" / "serving.json").read_text("utf-8"))["panels"]
QUERIES = [rule["expr"] for rule in ALERTS] + [each["expr"] for panel in PANELS for each in panel["targets"]]


@pytest.fixture
def families():
    metrics = Metrics()
    metrics.answered("POST /v1/lookup", 200, 0.1)
    metrics.shared(1, 1, 1)
    metrics.looked_up(1, 1, stale=True)
    metrics.refused("key")
    return list(metrics.families())


def test_queries_ask_for_metrics_and_labels_that_are_there(families):
    samples = [sample for family in families for sample in family.samples]
    asked = {name for query in QUERIES for name in re.findall(r"\bucid_\w+", query)}
    assert asked <= {sample.name for sample in samples}
    sorted_by = {
        label.strip()
        for query in QUERIES
        for labels in re.findall(r"by \(([^)]*)\)", query)
        for label in labels.split(",")
    }
    assert sorted_by <= {label for sample in samples for label in sample.labels} | {"instance"}
    assert all(query.count("(") == query.count(")") for query in QUERIES)


def test_no_metric_is_there_that_nobody_looks_at(families):
    asked = " ".join(QUERIES)
    assert [family.name for family in families if family.name not in asked] == []


def test_every_alarm_says_what_to_do():
    described = set(re.findall(r"`(UcidServe\w+)`", PAGE))
    assert described == {rule["alert"] for rule in ALERTS}
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in ALERTS)


def test_panels_have_room():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(PANELS)
    assert {target["refId"] for target in PANELS[1]["targets"]} == {"A", "B", "C"}
