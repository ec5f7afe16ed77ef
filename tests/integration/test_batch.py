"""A generation from Spark is record for record what `identity` says: nodes, components, ids and names."""

import json
import random
import time

import pytest

from batch_layer import delta, report
from batch_layer.run import run
from identity import Minter, Published
from identity.consent import permission
from schemas import EMAIL, overlay, records
from schemas.generation import open_generation
from serving_layer.permissions import check
from serving_layer.statements import history
from tests.batch import expected as rules_of_tests
from tests.batch.expected import TENANTS, chain, expected, facts_of, held, log

RULES = rules_of_tests.RULES

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def send(system, messages):
    for topic, event in messages:
        if topic == EMAIL:
            event = {**event, "outcome": "click"}  # noqa: PLW2901
        system.send([json.dumps(event).encode()], topic)


def test_two_generations_equal_the_view_in_memory(system, job, spark):
    rng = random.Random(11)
    minters = {tenant: Minter(system.settings.id_key, tenant) for tenant in TENANTS}
    published = {tenant: Published() for tenant in TENANTS}
    for number, count in ((1, 400), (2, 250)):
        send(system, log(rng, count, number * 1_000))
        send(system, chain(number * 600 - 600, number * 600))
        manifest = run(job)
        bronze = spark.read.format("delta").load(str(system.settings.delta / "bronze" / "events"))
        tenants, refused = facts_of(bronze)
        assert manifest.as_of == max(facts.newest for facts in tenants.values())
        assert manifest.counts["rejects"] == refused > 0
        assert manifest.generation == number
        whole = report.load(system.settings.generations, number).whole
        assert whole == ("there is no generation yet to build upon" if number == 1 else None)
        generation = open_generation(system.settings.generations, number)
        generation.verify()
        for tenant, facts in tenants.items():
            made, after = expected(tenant, facts, published[tenant], minters[tenant], manifest.as_of)
            found = held(generation, tenant)
            assert found == made
            assert made["far"], "somebody is crowded"
            published[tenant] = after


@pytest.mark.minutes
def test_a_run_on_the_same_log_changes_nothing(system, job):
    system.redis.set(overlay.LIVE, 2)
    before = system.export()
    manifest = run(job)
    assert manifest.counts["new_customers"] == 0
    system.redis.set(overlay.LIVE, manifest.generation)
    assert system.export() == before


def test_an_id_that_only_the_stream_gave_is_found_after_the_handover(system, job):
    def seen(number, **identifiers):
        event = {"event_id": f"s{number}", "occurred_at": "2026-10-01T00:00:00Z", "identifiers": identifiers}
        system.send([json.dumps(event | {"consent": {"ads": number == 2}}).encode()])
        system.await_applied()

    def ids(*questions):
        return [found.customer.id for found in system.view.lookup(questions).found]

    system.start_worker()
    seen(1, cookie="an old device")
    seen(2, login="somebody-new")
    before = ids(("cookie", "an old device"), ("login", "somebody-new"))
    assert len(set(before)) == 2
    seen(3, cookie="an old device", login="somebody-new")
    (merged,) = set(ids(("cookie", "an old device"), ("login", "somebody-new")))
    manifest = run(job)
    system.await_generation(manifest.generation)
    for customer_id in before:
        customer, _ = system.view.customer(customer_id)
        assert customer.id == merged in before
    assert ids(("login", "somebody-new")) == [merged]


def test_what_was_stated_is_in_the_generation_and_its_tables(system, spark):
    """Of the test before: the login granted, and then withdrew in one event with the device."""
    asked = [("login", "somebody-new"), ("cookie", "an old device")]
    current, now = system.view.generations.current, time.time_ns() // 1_000
    found = system.view.ask(check(current, "default", asked, permission("ads"), now))
    number = found.freshness.generation
    claims = overlay.view_prefix(number) + records.tenant_prefix(records.CLAIMS, "default")
    assert not system.redis.keys(claims + b"*")
    assert [one.reason for one in found.found] == ["withdrawn"] * 2
    manifest = open_generation(system.settings.generations, number).manifest
    version = manifest.tables["gold/consents"]
    table = delta.read(spark, system.settings.delta, "gold/consents", version)
    (row,) = table.where("purpose = 'ads'").collect()
    assert (row.customer_id, row.status) == (found.found[0].customer_id, "withdrawn")
    told = system.view.ask(history(current, "default", asked[0])).said
    assert sorted((x.type, word.withdrawn) for x, (_, word) in told) == [
        ("cookie", True),
        ("login", False),
        ("login", True),
    ]
