"""Groups: what the rules say, and who belongs together by Spark and by the obvious code."""

import random
from collections import defaultdict
from decimal import Decimal

import pytest

from batch_layer import groups
from identity import RuleError, normalise, rulefile
from identity.attributes import plain
from identity.groups import GroupRule

HEAD = """
identifiers: {login: {rank: 1}}
profile: {street: {}, town: {}, phone: {}, company: {}, spent: {rule: sum}}
groups:
"""
RULES = rulefile.parse(
    HEAD
    + """
  household: {same: [[street, town], phone], max: 4}
  business:
    {same: [company], min: 1, max: 1000, sites: [street, town], sum: [spent], key: {sites: 3, spent: 20}}
"""
)
PROFILES = "tenant STRING, customer_id STRING, attribute STRING, value STRING, source STRING, at BIGINT"
SAID = {
    "street": ["High St 1", "high st. 1", "Mill Rd 2", "Elm 3"],
    "town": ["Bath", "York", "-"],
    "phone": ["1", "2", "3", "4", "5", "6"],
    "company": ["x", "y"],
    "spent": ["0.1", "2", "7.25"],
}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a: {}", "groups.a.same: write a list"),
        ("a: {same: [phone], min: 0}", "groups.a.min: write a whole number from 1"),
        ("a: {same: [phone], min: 3, max: 2}", "groups.a.max: is less than 'min'"),
        ("a: {same: [fax]}", "groups.a: fax is no attribute of 'profile'"),
        ("a: {same: [phone], sum: [town]}", "groups.a.sum: town is no number"),
        ("a: {same: [phone], key: {sitez: 3}}", "groups.a.key.sitez: is nothing that is counted"),
        ("a: {same: [phone], key: {sites: some}}", "groups.a.key.sites: is no number"),
        ("a: {same: [phone], of: town}", "groups.a.of: is no known key"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(line, says):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"{HEAD}  {line}")
    (problem,) = caught.value.problems
    assert says in problem


def test_groups_are_part_of_the_fingerprint():
    assert RULES.groups["household"] == GroupRule("household", (("street", "town"), ("phone",)), most=4)
    assert RULES.fingerprint != rulefile.parse(HEAD + "  {}").fingerprint


def obvious(people, rule):
    """Groups of customers, as sets: who shares a key with one of them is of them."""

    def keys(profile):
        for i, attributes in enumerate(rule.same):
            said = tuple(normalise.text(profile.get(name, "")) for name in attributes)
            if all(said):
                yield i, said

    sharing = defaultdict(set)
    for customer, profile in people.items():
        for key in keys(profile):
            sharing[key].add(customer)
    together = []
    for some in (some for some in sharing.values() if len(some) <= rule.most):
        touched = [known for known in together if known & some]
        together = [known for known in together if known not in touched] + [some.union(*touched)]
    return [some for some in together if len(some) >= rule.least]


@pytest.mark.slow
@pytest.mark.stack
def test_spark_brings_together_who_belongs_together(spark):
    rng = random.Random(3)
    people = {
        (tenant, f"c_{i:02}"): {
            name: rng.choice(values) for name, values in SAID.items() if rng.random() < 0.4
        }
        for tenant in ("default", "other")
        for i in range(30)
    }
    rows = [(*who, name, value, "crm", 5) for who, said in people.items() for name, value in said.items()]
    found = groups.tables(spark.createDataFrame(rows, PROFILES), RULES)
    members = defaultdict(set)
    for tenant, kind, group, customer in found["gold/group_members"].collect():
        members[tenant, kind, group].add(customer)
    told = {(row.tenant, row.kind, row.group_id): row for row in found["gold/groups"].collect()}
    expected = {}
    for tenant in ("default", "other"):
        mine = {customer: said for (whose, customer), said in people.items() if whose == tenant}
        for kind, rule in RULES.groups.items():
            expected |= {(tenant, kind, min(some)): some for some in obvious(mine, rule)}
    assert members == expected
    assert told.keys() == expected.keys()
    assert len({kind for _, kind, _ in told}) == len(RULES.groups)
    for (tenant, kind, group), row in told.items():
        of_group = [people[tenant, customer] for customer in members[tenant, kind, group]]
        assert row.customers == len(of_group)
        if kind == "business":
            places = {
                tuple(normalise.text(said.get(name, "")) for name in ("street", "town")) for said in of_group
            }
            assert row.sites == sum(all(place) for place in places)
            spent = [Decimal(said["spent"]) for said in of_group if "spent" in said]
            total = sum(spent)
            assert row.reasons == ["sites"] * (row.sites >= 3) + ["spent"] * (total >= 20)
            assert row.sums == ({"spent": plain(total)} if spent else {})
        else:
            assert (row.sites, row.sums, row.reasons) == (0, {}, [])
