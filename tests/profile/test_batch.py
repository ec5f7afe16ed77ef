"""Claims, registers and profiles by Spark, and what the obvious code makes of the same log."""

import json
import random
from collections import Counter
from types import SimpleNamespace

import pytest

from batch_layer import consents, profiles
from batch_layer.silver import key_of
from identity import Facts, Identifier, Observer, rulefile
from identity.consent import merge
from identity.profile import claims, profile, strongest
from identity.segments import counted, counting, segments
from schemas import EMAIL, WEB, WebEvent
from schemas.claims import decode_registers
from schemas.json_form import JsonForm
from schemas.stated import stated

RULES = rulefile.parse("""
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, normalise: email}
  cookie: {rank: 9}
profile:
  name:       {rule: most_trusted, sources: [crm, self_service, web]}
  spent:      {rule: sum, sources: [web, billing]}
  subscribed: {rule: any_true, type: bool}
  born:       {type: date}
segments:
  visitors: {events: [{web: {kind: form}, email: {outcome: click}, min: 3, within: 1m}]}
  unborn:   {profile: {born: {known: false}}, key: true}
  mailed:   {consents: [{purpose: ads, channel: email}], unless: {profile: {born: {known: true}}}}
""")
AS_OF = 1_767_225_630_000_000 + 45_000_000  # so that some events are too old
NOW = 1_767_312_000_000_000
BRONZE = "topic STRING, partition INT, offset BIGINT, ingested_at BIGINT, key BINARY, value BINARY"
RECORDS = (
    "tenant STRING, source STRING, record STRING, changed_at BIGINT, ingested_at BIGINT, "
    "identifiers MAP<STRING, ARRAY<STRING>>, attributes MAP<STRING, STRING>"
)
ATTRIBUTES = {
    "name": ["Ann", "Tom", "unknown"],
    "spent": ["10", "2.50", "a lot"],
    "subscribed": ["true", "no", "perhaps"],
    "born": ["1990-02-01", "1990-02-30"],
    "other": ["x"],
}

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def attributes(rng):
    return {name: rng.choice(values) for name, values in ATTRIBUTES.items() if rng.random() < 0.5}


def events(rng, count):
    for i in range(count):
        topic = rng.choice([WEB, WEB, EMAIL])
        event = {
            "event_id": f"e{i}",
            "tenant": rng.choice(["default", "another"]),
            "occurred_at": f"2026-01-01T00:00:{rng.randrange(60):02}Z",
            "identifiers": {"cookie": f"k{rng.randrange(5)}"}
            | ({"email": f"M{rng.randrange(3)}@example.com"} if rng.random() < 0.5 else {}),
            "properties": attributes(rng),
        }
        more = {"outcome": "click"} if topic == EMAIL else {"kind": rng.choice(["form", "profile_update"])}
        if topic == WEB and rng.random() < 0.3:
            more["consent"] = {"ads": rng.random() < 0.8}
        yield topic, event | more


def test_spark_says_what_the_obvious_code_says(spark):
    rng = random.Random(7)
    all_ = list(events(rng, 200))
    lines = [*all_, *rng.sample(all_, 50)]  # some are delivered twice
    values = [(topic, json.dumps(event).encode()) for topic, event in lines] + [(WEB, b"{")]
    bronze = [(topic, 0, i, NOW + i, None, value) for i, (topic, value) in enumerate(values)]
    records = [
        (
            "default",
            rng.choice(["crm", "billing"]),
            f"r{i}",
            NOW - i,
            NOW,
            {"login": [f"l{i % 4}"]},
            attributes(rng),
        )
        for i in range(30)
    ]
    records.append(("default", "crm", "r", None, NOW, {"login": ["l0"]}, None))
    members = {
        key_of(tenant, Identifier(type_, value)): f"c_{value[-1]}"
        for tenant in ("default", "another")
        for type_, value in (
            *(("login", f"l{i}") for i in range(2)),
            *(("email", f"m{i}@example.com") for i in range(2)),
            *(("cookie", f"k{i}") for i in range(3)),
        )
    }
    members |= {key_of("default", Identifier("email", "m1@example.com")): "c_0"}
    members[key_of("default", Identifier("login", "nobody knows anything of"))] = "c_nobody"

    told = profiles.of_events(spark.createDataFrame(bronze, BRONZE), RULES).unionByName(
        profiles.of_records(spark.createDataFrame(records, RECORDS), RULES)
    )
    registers = profiles.registers(told, RULES).persist()
    said = consents.statements(spark.createDataFrame(bronze, BRONZE), RULES)
    customers = spark.createDataFrame(list(members.items()), "x STRING, customer STRING")
    tables = profiles.tables(profiles.judged(registers, customers, said, RULES, AS_OF).persist(), RULES)
    found = {
        (row.tenant, row.customer_id, row.attribute): (row.value, row.source, row.at)
        for row in tables["gold/profiles"].collect()
    }

    expected, faults = expected_of(all_, records)
    assert {row.fault for row in told.select("fault").collect()} == {None, *faults}
    by_customer = {}
    for x, by_attribute in expected.items():
        if x in members:
            owner = (x.split("\0")[0], members[x])
            by_customer.setdefault(owner, []).append({n: tuple(some) for n, some in by_attribute.items()})
    assert found == {
        (*owner, name): tuple(value)
        for owner, some in by_customer.items()
        for name, value in profile(RULES, some).items()
    }
    assert len(found) > 10
    permits = permits_of(all_)
    in_segments = {
        (tenant, customer, segment)
        for tenant, customer in {(x.split("\0")[0], customer) for x, customer in members.items()}
        for segment in segments_of(
            by_customer.get((tenant, customer), []),
            [permits.get(x, {}) for x in members if (x.split("\0")[0], members[x]) == (tenant, customer)],
        )
    }
    assert {tuple(row) for row in tables["gold/segment_members"].collect()} == in_segments
    assert {segment for *_, segment in in_segments} == set(RULES.segments)
    keys = [tuple(row) for row in tables["gold/key_customers"].collect()]
    assert {(tenant, customer) for tenant, customer, reasons in keys if reasons == ["unborn"]} == {
        (tenant, customer) for tenant, customer, segment in in_segments if segment == "unborn"
    }
    assert len(keys) == sum(segment == "unborn" for *_, segment in in_segments)
    counts = Counter((tenant, segment) for tenant, _, segment in in_segments)
    assert {(row[0], row[1]): row[2] for row in tables["gold/segments"].collect()} == counts
    held = {row.x: decode_registers(bytes(row.value)[1:]) for row in registers.collect()}
    assert held.keys() == {x for x, by_attribute in expected.items() if by_attribute}
    assert any(len(some.get("spent", ())) > 1 for some in held.values())


def segments_of(some, permits):
    return segments(RULES, profile(RULES, some), some, AS_OF, permits)


def permits_of(events_):
    """What each identifier permits."""
    observer, read, found = Observer(RULES), JsonForm(WebEvent).read, {}
    for topic, event in events_:
        if topic == WEB:
            seen = read(json.dumps(event).encode())
            about = observer.observe(Facts(), seen.identifiers, {}, seen.occurred_at, NOW)
            for x in (key_of(seen.tenant, one) for one in about):
                found[x] = merge(found.get(x, {}), stated(seen, RULES, NOW))
    return found


def expected_of(events_, records):
    """Every good claim, by identifier and attribute; and what is wrong with the others."""

    observer, by_x, faults = Observer(RULES), {}, set()

    def note(tenant, identifiers, said, source, key, at):
        about = observer.observe(Facts(), identifiers, said, at, NOW)
        for name, claim, fault in claims(RULES, said, source, key, at, NOW):
            if fault is not None:
                faults.add(fault)
                continue
            of_x = by_x.setdefault(key_of(tenant, strongest(about, RULES)), {})
            of_x.setdefault(name, []).append(claim)

    read = JsonForm(WebEvent).read
    for topic, event in events_:
        fields = {name: value for name, value in event.items() if name != "outcome"}
        seen = read(json.dumps(fields).encode())
        kind = "email" if topic == EMAIL else "web"
        if registers := counted(RULES, kind, seen if kind == "web" else SimpleNamespace(outcome="click")):
            about = observer.observe(Facts(), seen.identifiers, {}, seen.occurred_at, NOW)
            for name, claim, _ in counting(registers, kind, seen.event_id, seen.occurred_at, NOW):
                of_x = by_x.setdefault(key_of(seen.tenant, strongest(about, RULES)), {})
                of_x.setdefault(name, []).append(claim)
        source = "email" if topic == EMAIL else {"profile_update": "self_service"}.get(seen.kind, "web")
        note(seen.tenant, seen.identifiers, seen.properties, source, seen.event_id, seen.occurred_at)
    for tenant, source, record, changed_at, _, identifiers, said in records:
        if said is not None:
            note(tenant, identifiers, said, source, record, changed_at)
    return by_x, faults
