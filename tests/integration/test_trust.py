"""Parity, the report of a run, and `ucid rules diff`, on a running system."""

import json
import re
from dataclasses import replace

import pytest

from batch_layer import report
from batch_layer.parity import EXPIRY, NEWER, UNEXPLAINED
from batch_layer.parity import RULES as OTHER_RULES
from batch_layer.rehearsal import NothingKnown, parity_now, rules_diff
from batch_layer.run import run
from batch_layer.tables import TABLES
from identity import Identifier
from schemas import counted, overlay, records
from schemas.generation import REPORT, numbers, open_generation, path_of
from tests.integration.system import by_id

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 3, normalise: email}
  cookie: {rank: 4, max: 4, hot: 5, max_age: 300d, certainty: 0.6}
profile: {town: {}}
segments:
  bathers: {profile: {town: Bath}, consents: [{purpose: letters}]}
  locals:  {profile: {town: Bath}}
"""
# One address a customer: who has two becomes two.
STRICTER = RULES.replace("max: 3", "max: 1")

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def seen(system, when="2026-01-01", said=None, **identifiers):
    event = {"event_id": "e", "occurred_at": f"{when}T00:00:00Z", "identifiers": identifiers}
    system.send([json.dumps(event | (said or {})).encode()])


def says(i):
    return {"event_id": f"s{i}", "properties": {"town": "Bath"}, "consent": {"letters": i % 2 == 0}}


def published(system):
    return {customer.id: customer for customer in system.view.customers()}


def counted_of(system, number):
    return counted.load(path_of(system.settings.generations, number), "default")


def quiet(_):
    pass


def test_there_is_nothing_to_try_rules_on_before_the_first_run(job):
    with pytest.raises(NothingKnown, match="ucid batch"):
        rules_diff(job, RULES, 3, quiet)


def test_stream_and_batch_agree_and_the_report_counts(system, job, spark):
    for i in range(30):
        seen(system, login=f"l{i}", email=[f"a{i}@example.com", f"b{i}@example.com"])
        seen(system, said=says(i), login=f"l{i}", cookie=f"k{i // 2}")
    for i in range(8):
        seen(system, cookie="kiosk", login=f"k{i}")
    system.start_worker()
    system.await_applied()
    manifest = run(job)
    found = report.load(system.settings.generations, manifest.generation)
    assert found.parity.why is None
    assert found.parity.compared == manifest.counts["identifiers"]
    assert (found.parity.differing, found.parity.holds) == (0, True)
    # A town for each login, a word on letters for each login and each cookie.
    assert found.parity.said == 30 + 30 + 15
    assert not any(found.parity.said_causes.values())
    system.await_generation(1)
    customers = by_id(system.view.customers())
    assert found.movement.made == found.movement.after == len(customers) == manifest.counts["customers"]
    assert found.health.identifiers == sum(map(len, customers.values()))
    assert found.health.largest[0].identifiers == max(map(len, customers.values()))
    assert sum(size.count for size in found.health.customers) == len(customers)
    assert found.health.hot == 1
    assert found.refused_links == sum(each.count for each in found.health.refused)
    cookies = sum(x[0] == "cookie" for members in customers.values() for x in members)
    assert {(each.type, each.certainty): each.identifiers for each in found.health.certainty}[
        "cookie", 0.6
    ] == cookies
    assert found.messages == 68
    (row,) = spark.read.format("delta").load(str(system.settings.delta / "gold" / "runs")).collect()
    assert (row.generation, row.customers, row.made, row.unexplained) == (
        1,
        len(customers),
        len(customers),
        0,
    )
    assert set(manifest.tables) <= set(TABLES), "batch_layer/tables.py describes every table"
    # Whoever has a login of the two that a cookie was seen with has its word, too, and that is a no.
    assert counted_of(system, 1).segments == {"locals": 30}
    (web,) = counted_of(system, 1).sources
    assert (web.name, web.accepted, web.rejected) == ("web", 68, 0)


def test_the_page_stands_alone_and_names_nobody(system):
    page = (path_of(system.settings.generations, 1) / report.PAGE).read_text("utf-8")
    assert "<svg" in page
    assert not re.findall(r"<script|<link|<img|https?://|url\(", page)
    assert "example.com" not in page
    assert "kiosk" not in page
    assert "example.com" not in (path_of(system.settings.generations, 1) / REPORT).read_text("utf-8")


def test_other_rules_are_tried_and_nothing_is_published(system, job):
    before, kept = by_id(system.view.customers()), sorted(p.name for p in job.delta.rglob("*.json"))
    diff = rules_diff(job, STRICTER, 2, quiet)
    assert numbers(system.settings.generations) == [0, 1]
    assert sorted(p.name for p in job.delta.rglob("*.json")) == kept
    assert not (job.delta / ".rehearsal").exists()
    assert by_id(system.view.customers()) == before
    assert diff.movement.before == len(before)
    assert diff.movement.split == 30
    assert (diff.movement.kept, diff.movement.lost, diff.movement.merged) == (len(before), 0, 0)
    assert [example.kind for example in diff.examples] == ["split", "split"]
    assert all(len(example.parts) == 2 for example in diff.examples)
    text = "\n".join(diff.lines())
    assert "email=" in text
    assert f"split        {diff.movement.split} " in text


@pytest.mark.minutes
def test_each_difference_has_its_cause(system, job):
    # Cookies were last seen in January: by the end of November they have expired, for the batch to say. The
    # kiosk had no customer before.
    seen(system, when="2026-11-20", login="l1")
    system.await_applied()
    manifest = run(job)
    parity = report.load(system.settings.generations, manifest.generation).parity
    assert parity.causes[EXPIRY] == parity.differing == 15
    assert parity.holds
    # What was counted for the generation before is added to.
    (web,) = counted_of(system, manifest.generation).sources
    assert (web.accepted, {fed.name: fed.accepted for fed in web.identifiers}["login"]) == (69, 69)
    system.await_generation(manifest.generation)

    manifest = run(job, rules=STRICTER)
    found = report.load(system.settings.generations, manifest.generation)
    assert found.parity.causes[OTHER_RULES] == found.parity.differing > 0
    assert found.rules_changed
    assert found.movement.split == 30
    assert [past.generation for past in found.past] == [1, 2]
    system.await_generation(manifest.generation)


@pytest.mark.minutes
def test_what_came_after_the_cut_off_is_told_from_a_fault(system, job):
    number = int(system.redis.get(overlay.LIVE))
    key = records.node_key("default", Identifier("login", "l7"))

    def look_later(offsets, directory, over):
        seen(system, login="l1", email="later@example.com")
        system.await_applied()
        system.stop_workers()
        node = records.decode_node(open_generation(system.settings.generations, number).get([key])[key])
        node.fault, node.first, node.customer = "hot: a lie", None, ""
        system.redis.set(overlay.view_prefix(number) + key, overlay.value(1, records.encode_node(node)))
        return job.look(offsets, directory, over)

    parity, differences = parity_now(replace(job, look=look_later), quiet)
    assert parity.causes[NEWER] > 0
    assert parity.causes[UNEXPLAINED] == 1
    assert parity.differing == parity.causes[NEWER] + 1
    assert not parity.holds
    assert [(each.type, each.value, each.stream) for each in differences] == [("login", "l7", None)]


def test_without_a_stream_there_is_nothing_to_compare(system, job):
    # A worker would see that the view is gone, and begin it again.
    system.stop_workers()
    system.redis.flushall()
    parity, _ = parity_now(job, quiet)
    assert "no stream" in parity.why
    assert parity.holds
