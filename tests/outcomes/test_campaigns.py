"""Outcomes by campaign and by customer: Spark counts what the obvious code counts."""

import json
import random
from collections import defaultdict

import pytest

from batch_layer.outcomes import COUNTED, entries, tables
from batch_layer.silver import key_of
from identity import Identifier, rulefile
from schemas import EMAIL, WEB
from schemas.outcomes import campaign_key, customer_key, decode_campaign, decode_campaigns

RULES = rulefile.parse("""
identifiers:
  email:  {rank: 1, normalise: email, block: ["robot@example.com"]}
  cookie: {rank: 2}
""")
NOW = 1_767_312_000_000_000
BRONZE = "topic STRING, partition INT, offset BIGINT, ingested_at BIGINT, key BINARY, value BINARY"
OUTCOMES = sorted({outcome for outcomes in COUNTED.values() for outcome in outcomes})
# Two addresses of one customer, another's, and one that is nobody's any more.
CUSTOMERS = {"ann@example.com": "c_ann", "a.nn@example.com": "c_ann", "tom@example.com": "c_tom"}
ADDRESSES = [*CUSTOMERS, "old@example.com", "Robot@example.com", "no address"]

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def events(rng, count):
    for i in range(count):
        address = rng.choice(ADDRESSES)
        yield {
            "event_id": f"e{i}",
            "tenant": rng.choice(["default", "another"]),
            "occurred_at": "2026-01-01T00:00:00Z",
            "campaign_id": rng.choice(["spring", "autumn", ""]),
            "message_id": rng.choice(["", f"m{rng.randrange(5)}"]),
            "outcome": rng.choice(OUTCOMES),
            "identifiers": {"email": address, **({"cookie": "v-1"} if rng.random() < 0.3 else {})},
        }


def counted(events, keys, who):
    """By the values of `keys`: how many events of each thing that is counted, and of how many `who`."""
    found = defaultdict(lambda: {name: [] for name in COUNTED})
    for event in events:
        for name, outcomes in COUNTED.items():
            found[tuple(event[key] for key in keys)][name] += [event] if event["outcome"] in outcomes else []
    return {
        key: {
            part: count
            for name, some in counts.items()
            for part, count in (
                (f"{name}_total", len(some)),
                (f"{name}_unique", len({who(event) for event in some} - {None})),
            )
        }
        for key, counts in found.items()
    }


def rows(frame, keys):
    return {
        tuple(row[key] for key in keys): {name: n for name, n in row.asDict().items() if name not in keys}
        for row in frame.collect()
    }


def person(event):
    """Customer, else the strongest good identifier."""
    address = event["identifiers"]["email"].lower()
    good = address if "@" in address and not address.startswith("robot") else None
    return event["customer_id"] or good or event["identifiers"].get("cookie")


def test_spark_counts_as_it_should(spark):
    all_ = list(events(random.Random(5), 400))
    again = random.Random(6).sample(all_, 100)  # delivered twice
    bad = [b"{", json.dumps({**all_[0], "event_id": "x", "identifiers": {"shoe": "42"}}).encode()]
    values = [json.dumps(event).encode() for event in (*all_, *again)] + bad
    lines = [(EMAIL, i % 4, i // 4, NOW, None, value) for i, value in enumerate(values)]
    lines.append((WEB, 0, 0, NOW, None, values[0]))
    customers = [
        (key_of(tenant, Identifier("email", address)), f"{id_}{tenant}")
        for tenant in ("default", "another")
        for address, id_ in CUSTOMERS.items()
    ]
    found = tables(
        spark.createDataFrame(lines, BRONZE),
        spark.createDataFrame(customers, "x STRING, customer STRING"),
        RULES,
    )
    for event in all_:
        id_ = CUSTOMERS.get(event["identifiers"]["email"])
        event["customer_id"] = id_ and id_ + event["tenant"]

    keys = ("tenant", "campaign_id")
    assert rows(found["gold/campaigns"], keys) == counted(all_, keys, person)
    keys = ("tenant", "customer_id", "campaign_id")
    of_customers = [event for event in all_ if event["customer_id"]]
    assert rows(found["gold/campaign_customers"], keys) == counted(
        of_customers, keys, lambda event: event["message_id"] or event["event_id"]
    )

    written = entries(found["gold/campaigns"], found["gold/campaign_customers"]).collect()
    records = {bytes(row.key): bytes(row.value)[1:] for row in written}
    of_campaigns = counted(all_, ("tenant", "campaign_id"), person)
    for (tenant, campaign), counts in of_campaigns.items():
        record = records.pop(campaign_key(tenant, campaign))
        assert decode_campaign(record) == (campaign, {name: n for name, n in counts.items() if n})
    by_customer = counted(of_customers, keys, lambda event: event["message_id"] or event["event_id"])
    for tenant, customer in {key[:2] for key in by_customer}:
        record = records.pop(customer_key(tenant, customer))
        assert decode_campaigns(record) == [
            (key[2], {name: n for name, n in counts.items() if n})
            for key, counts in sorted(by_customer.items())
            if key[:2] == (tenant, customer)
        ]
    assert records == {}


def test_without_an_event_there_is_nothing_to_count(spark):
    customers = spark.createDataFrame([], "x STRING, customer STRING")
    found = tables(spark.createDataFrame([], BRONZE), customers, RULES)
    assert {name: frame.count() for name, frame in found.items()} == {
        "gold/campaigns": 0,
        "gold/campaign_customers": 0,
    }
