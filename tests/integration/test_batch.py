"""A generation from Spark is record for record what `identity` says: nodes, customers, ids and names."""

import json
import random

import pytest

from batch_layer.run import run
from identity import Facts, Minter, Observer, Published, resolve, rulefile
from identity.memory import MemoryView
from schemas import DECISIONS, EMAIL, WEB, Malformed, overlay, records
from schemas.absorb import absorb, accept
from schemas.generation import open_generation

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 2, normalise: email, when_shared: oldest}
  phone: {rank: 3, max: 3, when_shared: nobody}
  cookie: {rank: 4, max: 4, hot: 5, max_age: 300d}
match_keys:
  person: {rank: 3, from: [surname, born], hot: 4}
"""
TENANTS = ("default", "other-shop")

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def log(rng, count, first):
    """Random messages of all kinds, with everything that rules can refuse."""
    for i in range(first, first + count):
        person = rng.randrange(40)
        when = f"2026-{rng.randrange(1, 11):02}-{rng.randrange(1, 28):02}T10:00:00Z"
        every = {
            "login": f"l{person}",
            "email": rng.choice(
                [f"M{person}@Example.com", f"m{rng.randrange(40)}@example.com", "null", "no mail"]
            ),
            "phone": f"p{rng.randrange(30)}",
            "cookie": [f"k{rng.randrange(60)}", f"k{person}"],
        }
        identifiers = {type_: value for type_, value in every.items() if rng.random() < 0.4}
        if rng.random() < 0.2:
            identifiers = {"email": f"guest{i}@example.com", "phone": "the front desk's"}
        event = {
            "event_id": f"e{i}",
            "tenant": rng.choice(TENANTS),
            "occurred_at": when,
            "identifiers": identifiers,
        }
        if rng.random() < 0.3:
            event["properties"] = {"surname": f"s{person}", "born": f"19{person:02}"}
        yield rng.choice([WEB, WEB, EMAIL]), event
        if rng.random() < 0.05:
            a, b = (
                {"type": "login", "value": f"l{person}"},
                {"type": "cookie", "value": f"k{rng.randrange(60)}"},
            )
            verdict = rng.choice(["must_link", "cannot_link", "undo"])
            decision = {"decision_id": f"d{i}", "decided_at": when, "verdict": verdict, "a": a, "b": b}
            yield DECISIONS, {**decision, "tenant": rng.choice(TENANTS)}
        if rng.random() < 0.02:
            yield WEB, {**event, "identifiers": {"nobody_knows": "x"}}


def chain(first, last):
    """Addresses that hang together by the cookies between them."""
    for i in range(first, last):
        for number in (i, i + 1):
            yield (
                WEB,
                {
                    "event_id": f"c{i}-{number}",
                    "occurred_at": "2026-05-05T10:00:00Z",
                    "identifiers": {"email": f"chain{number}@example.com", "cookie": f"chain{i}"},
                },
            )


def send(system, messages):
    for topic, event in messages:
        if topic == EMAIL:
            event = {**event, "outcome": "click"}  # noqa: PLW2901
        system.send([json.dumps(event).encode()], topic)


def facts_of(bronze):
    """The facts of the log as landed, by tenant, without Spark's help."""
    observer = Observer(rulefile.parse(RULES))
    tenants, refused = {tenant: Facts() for tenant in TENANTS}, 0
    for row in bronze.collect():
        try:
            record = accept(row.topic, bytes(row.value), row.ingested_at)
            absorb(record, observer, tenants[record.tenant], row.ingested_at)
        except Malformed:
            refused += 1
    return tenants, refused


def expected_records(facts, published, minter, as_of):
    """All records of a generation: structure from the view in memory, names from `resolve`."""
    rules = rulefile.parse(RULES)
    resolution = resolve(facts, rules, minter=minter, as_of=as_of, published=published)
    after = resolution.publish(published)
    view = MemoryView(rules, minter, as_of)
    view.apply(facts)
    view.publish(after)
    named = {customer.members: customer for customer in resolution.customers}
    customer_of = {x: customer.id for customer in resolution.customers for x in customer.members}
    nodes = view.nodes(facts.seen)
    for x, node in nodes.items():
        node.customer = customer_of.get(x, "")
    firsts = {node.first for node in nodes.values() if node.first is not None}
    customers = {first: named[customer.members] for first, customer in view.customers(firsts).items()}
    for node in nodes.values():
        if node.first is not None:
            # An alias, which only names give, is more than the node alone can tell.
            node.lone = customers[node.first].lone
    kept = {first: customer for first, customer in customers.items() if not customer.lone}
    far = {ends: edge for x in nodes for ends, edge in view.all_far(x).items()}
    return nodes, far, kept, view.ids(after.ids), after


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
        generation = open_generation(system.settings.generations, number)
        generation.verify()
        for tenant, facts in tenants.items():
            nodes, far, customers, ids, after = expected_records(
                facts, published[tenant], minters[tenant], manifest.as_of
            )
            found = dict(generation.scan(records.tenant_prefix(b"n", tenant)))
            assert {key: records.decode_node(data) for key, data in found.items()} == {
                records.node_key(tenant, x): node for x, node in nodes.items()
            }
            found = dict(generation.scan(records.tenant_prefix(records.FAR, tenant)))
            assert {key: records.decode_far(data) for key, data in found.items()} == {
                records.far_key(tenant, x, z): (z, edge) for (x, z), edge in far.items()
            }
            assert far, "somebody is crowded"
            found = dict(generation.scan(records.tenant_prefix(b"c", tenant)))
            assert {key: records.decode_customer(data) for key, data in found.items()} == {
                records.customer_key(tenant, first): customer for first, customer in customers.items()
            }
            found = dict(generation.scan(records.tenant_prefix(b"i", tenant)))
            assert {key: records.decode_id(data) for key, data in found.items()} == {
                records.id_key(tenant, customer_id): record for customer_id, record in ids.items()
            }
            published[tenant] = after


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
        system.send([json.dumps(event).encode()])
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
