"""Match keys on real customer records: the shipped examples find who exact identifiers miss."""

from pathlib import Path

import pytest

from identity import Facts, Identifier, Minter, Observer, resolve, rulefile
from tests.identity.crm import COLUMNS, FAKE, FEBRL, person, rows, scores

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def load(example):
    return rulefile.load(EXAMPLES / example / "rules.yaml")


def without_keys(rules):
    return rulefile.from_mapping(
        {
            "identifiers": {
                name: {"rank": r.rank, "max": r.max} for name, r in rules.types.items() if not r.made_from
            }
        }
    )


def found(path, record_column, identifiers, rules):
    """Recall and precision of the records of a file under some rules."""
    observer, facts, persons = Observer(rules), Facts(), {}
    for i, row in enumerate(rows(path)):
        record = Identifier("record", f"people-{row[record_column]}")  # a bare 0 stands for no value
        persons[record] = person(row)
        named = {"record": [record.value]} | {
            type_: [row[column]] for column, type_ in identifiers.items() if row[column]
        }
        attributes = {path_: row[column] for column, path_ in COLUMNS[path].items() if row[column]}
        observer.observe(facts, named, attributes, i, i)
    customers = resolve(facts, rules, minter=Minter(b"test")).customers
    return scores({member: customer.id for customer in customers for member in customer.members}, persons)


FILES = pytest.mark.parametrize(
    ("example", "path", "record", "identifiers", "recall", "precision"),
    [
        ("people-with-addresses", FEBRL, "rec_id", {"soc_sec_id": "social_security"}, 0.99, 0.998),
        ("people-with-email", FAKE, "unique_id", {"email": "email"}, 0.72, 0.99),
    ],
    ids=["febrl2", "fake_1000"],
)


@FILES
def test_the_examples_reach_what_they_promise(example, path, record, identifiers, recall, precision):
    rules = load(example)
    got = found(path, record, identifiers, rules)
    assert got[0] >= recall
    assert got[1] >= precision
    assert f"| {got[0]:.4f} | {got[1]:.4f} |" in (EXAMPLES.parent / "match-keys.md").read_text("utf-8")
    exact = found(path, record, identifiers, without_keys(rules))
    assert exact[0] < recall, "the keys are what lifts it"


def test_no_key_is_made_of_one_attribute_that_strangers_share():
    for example in ("people-with-addresses", "people-with-email"):
        for key in load(example).match_keys:
            assert len(key.made_from) > 1 or key.made_from == ("email",)
            assert key.hot is not None
