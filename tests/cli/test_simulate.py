"""`ucid simulate`: fixed to the letter, because other programs call it."""

import gzip
import json
import re
from itertools import chain
from pathlib import Path

import pytest
import yaml

from tests.cli.lines import RULES, line, members, partition

CASES = list(
    chain.from_iterable(
        yaml.safe_load(file.read_text())["cases"]
        for file in sorted((Path(__file__).parents[1] / "conformance").glob("*.yaml"))
    )
)


def test_the_output_to_the_letter(ucid):
    output = ucid.simulated(
        RULES,
        line(1, crm="Tom", email=["B@example.com", "a@example.com"], cookie="1"),
        line(2, at="2026-01-02T00:00:00Z", crm="Ann", cookie="1", email="test@test.com"),
    )
    ids = [customer["customer_id"] for customer in output["customers"]]
    assert all(re.fullmatch("c_[a-z2-7]{26}", id_) for id_ in ids)
    assert ids == sorted(set(ids))
    output["customers"].sort(key=lambda customer: len(customer["identifiers"]))
    ann, tom = (customer.pop("customer_id") for customer in output["customers"])
    assert ann != tom
    cookie = {"type": "cookie", "value": "1"}
    a, b = ({"type": "email", "value": f"{name}@example.com"} for name in "ab")
    shared = "shared: a cookie keeps its newest 1 crm only"
    limit = "max: one customer would have more than 1 crm"
    assert output == {
        "customers": [
            {"identifiers": [cookie, {"type": "crm", "value": "Ann"}]},
            {"identifiers": [{"type": "crm", "value": "Tom"}, a, b]},
        ],
        "rejected_links": [
            {"a": cookie, "b": {"type": "crm", "value": "Tom"}, "reason": shared},
            {"a": cookie, "b": a, "reason": limit},
            {"a": cookie, "b": b, "reason": limit},
        ],
        "quarantined": [
            {"type": "email", "value": "test@test.com", "reason": "blocked: by the rule for email"}
        ],
    }


def test_one_line_of_json_and_nothing_else(ucid):
    ucid.write("rules.yaml", RULES)
    done = ucid("simulate", "rules.yaml", "-", stdin=json.dumps(line(crm="Tom")).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert done.stdout.endswith(b"\n")
    assert list(json.loads(done.stdout)) == ["customers", "rejected_links", "quarantined"]


def test_nothing_in_nothing_out(ucid):
    expected = {"customers": [], "rejected_links": [], "quarantined": []}
    assert ucid.simulated(RULES) == expected


def test_the_same_file_gives_the_same_bytes(ucid):
    ucid.write("rules.yaml", RULES)
    lines = "".join(f"{json.dumps(line(i, crm=f'c{i % 7}', cookie=f'{i % 5}x'))}\n" for i in range(50))
    file = ucid.write("events.jsonl", lines)
    packed = ucid.write("events.jsonl.gz", gzip.compress(lines.encode()))
    spaced = ucid.write("spaced.jsonl", "\ufeff\n\n" + lines.replace("\n", "\r\n \r\n"))
    first = ucid("simulate", "rules.yaml", file).stdout
    assert len(json.loads(first)["customers"]) == 7
    assert ucid("simulate", "rules.yaml", "-", stdin=lines.encode()).stdout == first
    assert ucid("simulate", "rules.yaml", packed).stdout == first
    assert members(json.loads(ucid("simulate", "rules.yaml", spaced).stdout)) == members(json.loads(first))


def test_the_order_of_lines_is_the_order_of_ingestion(ucid):
    """The id is that of the line that came first, whenever it says that it happened."""
    early, late = line(1, crm="Tom"), line(2, at="2020-01-01T00:00:00Z", email="tom@example.com")
    both = line(3, crm="Tom", email="tom@example.com")
    id_of = [
        ucid.simulated(RULES, *lines)["customers"][0]["customer_id"]
        for lines in ([early], [early, late, both], [late], [late, early, both])
    ]
    assert id_of[0] == id_of[1]
    # The e-mail address is on the first line here as well as there.
    assert id_of[2] == id_of[3] != id_of[0]


def test_what_happened_last_counts_whatever_the_order_of_lines(ucid):
    older = line(1, at="2026-01-01T00:00:00Z", crm="Tom", cookie="x")
    newer = line(2, at="2026-01-02T00:00:00Z", crm="Ann", cookie="x")
    for lines in ([older, newer], [newer, older]):
        assert members(ucid.simulated(RULES, *lines)) == partition("crm:Ann cookie:x", "crm:Tom")


def test_tenants_never_meet(ucid):
    same = line(1, crm="Tom", cookie="x")
    output = ucid.simulated(RULES, same, {**same, "tenant": "a"}, {**line(2, cookie="x"), "tenant": "b"})
    assert sorted(len(customer["identifiers"]) for customer in output["customers"]) == [1, 2, 2]
    assert len({customer["customer_id"] for customer in output["customers"]}) == 3
    (alone,) = ucid.simulated(RULES, {**same, "tenant": "a"})["customers"]
    (default,) = ucid.simulated(RULES, same)["customers"]
    assert alone["identifiers"] == default["identifiers"]
    assert alone["customer_id"] != default["customer_id"]


@pytest.mark.parametrize("field", ["properties", "attributes"])
@pytest.mark.parametrize("nested", [True, False])
def test_match_keys_come_from_properties(ucid, field, nested):
    rules = f"{RULES}\nmatch_keys: {{person: {{rank: 8, from: [name.surname, born], normalise: text}}}}"

    def said(surname):
        name = {"name": {"surname": surname}} if nested else {"name.surname": surname}
        return {field: {**name, "born": "1990-01-31"}}

    output = ucid.simulated(
        rules,
        {**line(1, email="a@example.com"), **said("Müller")},
        {**line(2, email="b@example.com"), **said("MULLER")},
        {**line(3, email="c@example.com"), field: {"born": "1990-01-31"}},
    )
    assert members(output) == {
        frozenset({"email:a@example.com", "email:b@example.com", "person:muller|1990 01 31"}),
        frozenset({"email:c@example.com"}),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_what_vendors_document(ucid, case):
    events = [line(i, f"2026-01-01T00:{i:02d}:00Z", **event) for i, event in enumerate(case["events"])]
    output = ucid.simulated(yaml.safe_dump(case["rules"]), *events)
    assert members(output) == set(map(frozenset, case["customers"]))
