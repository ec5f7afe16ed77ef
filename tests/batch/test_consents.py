"""Consents in Spark: the tables and a generation's entries say what the messages say, read one by one."""

import json
import random
from collections import defaultdict

import pytest

from batch_layer import consents
from batch_layer.silver import key_of
from identity import Facts, Identifier, Observer, rulefile
from identity.consent import changes, claim, kept
from identity.facts import FUTURE, PAST
from identity.reference import permits
from schemas import CONSENTS, EMAIL, WEB, Malformed, decode, encode, records
from schemas.absorb import absorb, accept
from schemas.stated import stated
from tests.graph.published import publish

RULES = rulefile.parse("""
identifiers:
  login:  {rank: 1, block: ["test"]}
  email:  {rank: 2, normalise: email}
  cookie: {rank: 9}
consent:
  subscribe: {grant: [marketing, News]}
""")
NOW = 1_767_312_000_000_000
BRONZE = "topic STRING, partition INT, offset BIGINT, ingested_at BIGINT, key BINARY, value BINARY"
PEOPLE = [{"login": "tom"}, {"email": "Tom@x.org"}, {"cookie": ["a", "b"]}, {"login": "ann", "cookie": "c"}]
CUSTOMERS = {
    "c_tom": [("login", "tom"), ("email", "tom@x.org"), ("cookie", "a")],
    "c_ann": [("login", "ann"), ("cookie", "c")],
}

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def messages(rng, count):
    """Topic and value, in JSON or Avro; some of them refused, many of them silent."""
    for i in range(count):
        common = {"tenant": rng.choice(["default", "other"]), "identifiers": rng.choice(PEOPLE)}
        day = f"2026-01-01T00:00:{rng.randrange(9):02}Z"
        kind = rng.choice([WEB, WEB, EMAIL, CONSENTS, CONSENTS])
        if kind == CONSENTS:
            body = {"consent_id": f"c{i}", "stated_at": day, "purpose": rng.choice(["ads", "News"])}
            body |= {"channel": rng.choice(["", "email"]), "status": rng.choice(["granted", "withdrawn"])}
            if body["status"] == "granted" and rng.random() < 0.5:
                body |= {"valid_until": "2026-06-01T00:00:00Z", "source": "form"}
        else:
            body = {"event_id": f"e{i}", "occurred_at": day}
            body |= {"outcome": rng.choice(["open", "unsubscribe", "subscribe"])} if kind == EMAIL else {}
            body |= {"consent": {"ads": rng.random() < 0.5}} if kind == WEB and rng.random() < 0.5 else {}
        value = json.dumps(body | common).encode()
        yield kind, encode(decode(kind, value, NOW)) if rng.random() < 0.3 else value
    yield CONSENTS, b"{"
    yield CONSENTS, json.dumps(body | {"identifiers": {"login": "test"}}).encode()
    yield WEB, json.dumps({**body, "identifiers": {"shoe": "42"}, "consent": {"ads": True}}).encode()
    yield WEB, None


def by_one(log):
    """(tenant, identifier) to all that it stated."""
    observer, said = Observer(RULES), defaultdict(set)
    for topic, _, _, at, _, value in log:
        try:
            record = accept(topic, value, at)
            for x in absorb(record, observer, Facts(), at):
                said[record.tenant, x].update(stated(record, RULES, at).items())
        except Malformed:
            pass
    return {who: found for who, found in said.items() if found}


@pytest.fixture(scope="module")
def log():
    rng = random.Random(8)
    sent = list(messages(rng, 300))
    sent += rng.sample(sent, 60)  # sent twice
    return [(topic, 0, i, NOW + i // 5, None, value) for i, (topic, value) in enumerate(sent)]


@pytest.fixture(scope="module")
def said(spark, log):
    return consents.statements(spark.createDataFrame(log, BRONZE).coalesce(2), RULES).persist()


@pytest.fixture(scope="module")
def tables(spark, said):
    rows = [
        (key_of(tenant, Identifier(*x)), f"{customer}_{tenant}")
        for tenant in ("default", "other")
        for customer, members in CUSTOMERS.items()
        for x in members
    ]
    return consents.tables(said, spark.createDataFrame(rows, "x STRING, customer STRING"))


def word(row):
    return (
        row.status,
        row.stated_at,
        PAST if row.valid_from is None else row.valid_from,
        FUTURE if row.valid_until is None else row.valid_until,
        row.source,
        row.proof,
        row.ingested_at,
    )


def as_row(statement):
    at, withdrawn, *rest = statement
    return ("withdrawn" if withdrawn else "granted", at, *rest)


def test_silver_has_all_that_was_ever_stated(tables, log):
    rows = tables["silver/consents"].collect()
    found = [(row.x, (row.purpose, row.channel, row.brand, row.locale), word(row)) for row in rows]
    expected = {
        (key_of(*who), tuple(about), as_row(statement))
        for who, all_ in by_one(log).items()
        for about, statement in all_
    }
    assert len(found) == len(expected) > 100
    assert set(found) == expected


def test_gold_says_what_holds_of_each_customer(tables, log):
    said = by_one(log)
    found = {
        (row.tenant, row.customer_id, row.purpose, row.channel): row
        for row in tables["gold/consents"].collect()
    }
    met = 0
    for tenant in ("default", "other"):
        for customer, named in CUSTOMERS.items():
            members = [Identifier(*x) for x in named]
            words = [(x, *one) for x in members for one in said.get((tenant, x), ())]
            for about in {about for _, about, _ in words}:
                met += 1
                row = found[tenant, f"{customer}_{tenant}", about.purpose, about.channel]
                exactly = [one for one in words if one[1] == about]
                expected = permits(exactly, members, about, NOW)
                assert (row.status == "withdrawn") == (expected.reason == "withdrawn")
                if row.status == "granted":
                    assert row.valid_until == expected.until
    assert met == len(found) > 8


def test_a_generation_answers_by_the_same_claims_and_tells_the_same_changes(said, log, tmp_path):
    entries = [(bytes(row.key), bytes(row.value)[1:]) for row in consents.entries(said).collect()]
    generation = publish(tmp_path, entries)
    expected = by_one(log)
    assert len(entries) == 2 * len(expected)
    for (tenant, x), all_ in expected.items():
        claims = {}
        for about, statement in all_:
            claim(claims, about, statement)
        key, told = records.claims_key(tenant, x), records.history_key(tenant, x)
        read = generation.get([key, told])
        assert dict(records.decode_claims(read[key])) == kept(claims)
        assert records.decode_claims(read[told]) == changes(all_)
