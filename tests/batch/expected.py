"""What a generation has to hold, without Spark: random logs of all kinds, and `identity`'s word on them."""

from collections import defaultdict
from contextlib import suppress

from identity import Facts, Observer, resolve, rulefile
from identity.memory import MemoryView
from identity.profile import merged
from schemas import DECISIONS, EMAIL, WEB, Malformed, records
from schemas.absorb import absorb, accept
from schemas.claims import REGISTERS, claimed, decode_registers, profile_key

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 2, normalise: email, when_shared: oldest}
  phone: {rank: 3, max: 3, when_shared: nobody}
  cookie: {rank: 4, max: 4, hot: 5, max_age: 300d}
match_keys:
  person: {rank: 3, from: [surname, born], hot: 4}
profile:
  surname: {rule: oldest}
segments:
  clicked: {events: [{email: {outcome: click}}]}
  agreed: {consents: [{purpose: ads}], unless: {events: [{email: {outcome: click}, min: 3}]}}
groups:
  family: {same: [surname]}
stale:
  email: {after: {hard_bounce: 1, soft_bounce: 2}, revived_by: [click, login]}
joining: {purpose: joining}
"""
TENANTS = ("default", "other-shop")


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
        topic = rng.choice([WEB, WEB, EMAIL])
        if topic == EMAIL:
            event["outcome"] = rng.choice(["click", "click", "hard_bounce", "soft_bounce", "soft_bounce"])
        elif rng.random() < 0.1:
            event["kind"] = "login"
        elif i % 7 == 0:
            event["consent"] = {"joining": i % 3 == 0}
        yield topic, event
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


def facts_of(bronze, rules=RULES):
    """The facts of the log as landed, by tenant, without Spark's help."""
    observer = Observer(rulefile.parse(rules))
    tenants, refused = {tenant: Facts() for tenant in TENANTS}, 0
    for row in bronze.collect():
        try:
            record = accept(row.topic, bytes(row.value), row.ingested_at)
            absorb(record, observer, tenants[record.tenant], row.ingested_at)
        except Malformed:
            refused += 1
    return tenants, refused


def expected_records(facts, published, minter, as_of, rules=RULES):
    """All records of a generation: structure from the view in memory, names from `resolve`."""
    rules = rulefile.parse(rules) if isinstance(rules, str) else rules
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


def expected_registers(bronze, rules=RULES):
    """The registers of the log as landed, by key, without Spark's help."""
    rules = rulefile.parse(rules)
    observer, told = Observer(rules), defaultdict(list)
    for row in bronze.collect():
        with suppress(Malformed):
            record = accept(row.topic, bytes(row.value), row.ingested_at)
            about = absorb(record, observer, Facts(), row.ingested_at)
            owner, some = claimed(record, about, rules, row.ingested_at)
            for name, claim, _ in some:
                told[profile_key(record.tenant, owner)].append({name: (claim,)})
    return {key: merged(rules, *some) for key, some in told.items()}


def held_registers(generation):
    """The registers of all tenants, decoded, by key."""
    return {key: decode_registers(data) for key, data in generation.scan(REGISTERS)}


def held(generation, tenant):
    """The records of a tenant, decoded, by kind and key."""

    def scan(kind, decode):
        return {key: decode(data) for key, data in generation.scan(records.tenant_prefix(kind, tenant))}

    return {
        "nodes": scan(b"n", records.decode_node),
        "far": scan(records.FAR, records.decode_far),
        "customers": scan(b"c", records.decode_customer),
        "ids": scan(b"i", records.decode_id),
    }


def expected(tenant, facts, published, minter, as_of, rules=RULES):
    """The same as `identity` has it, and what is handed to the next generation."""
    nodes, far, customers, ids, after = expected_records(facts, published, minter, as_of, rules)
    made = {
        "nodes": {records.node_key(tenant, x): node for x, node in nodes.items()},
        "far": {records.far_key(tenant, x, z): (z, edge) for (x, z), edge in far.items()},
        "customers": {records.customer_key(tenant, first): c for first, c in customers.items()},
        "ids": {records.id_key(tenant, customer_id): record for customer_id, record in ids.items()},
    }
    return made, after
