"""Outcomes that vendors document for their own products, in our own form."""

from itertools import chain
from pathlib import Path

import pytest
import yaml

from identity import Facts, Identifier, Minter, Observer, resolve, rulefile

MINUTE = 60_000_000
FOLDER = Path(__file__).parents[1] / "conformance"
CASES = list(
    chain.from_iterable(yaml.safe_load(file.read_text())["cases"] for file in sorted(FOLDER.glob("*.yaml")))
)


def identifier(text):
    return Identifier(*text.split(":", 1))


@pytest.fixture(params=CASES, ids=lambda case: case["id"])
def case(request):
    return request.param


def test_outcome_is_the_documented_one(case):
    rules = rulefile.from_mapping(case["rules"])
    observer, facts = Observer(rules), Facts()
    for i, event in enumerate(case["events"]):
        observer.observe(facts, {t: [v] for t, v in event.items()}, {}, i * MINUTE, i)
    customers = resolve(facts, rules, minter=Minter(b"test")).customers
    found = {frozenset(customer.members) for customer in customers}
    assert found == {frozenset(map(identifier, members)) for members in case["customers"]}
    customer_of = {member: customer.id for customer in customers for member in customer.members}
    for a, b in case.get("together", ()):
        assert customer_of[identifier(a)] == customer_of[identifier(b)]
    for a, b in case.get("apart", ()):
        assert customer_of[identifier(a)] != customer_of[identifier(b)]
