"""The shipped examples from end to end: the real file, its definition, its rules, and how right they are."""

import pytest

from batch_layer.sources import definition
from identity import Facts, Minter, Observer, resolve, rulefile
from tests.identity.crm import FAKE, FEBRL, person, rows, scores
from tests.identity.test_match_keys import EXAMPLES

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.mark.parametrize(
    ("example", "path", "id_column", "recall", "precision"),
    [
        ("people-with-addresses", FEBRL, "rec_id", 0.99, 0.998),
        ("people-with-email", FAKE, "unique_id", 0.72, 0.99),
    ],
    ids=["febrl2", "fake_1000"],
)
def test_an_example_finds_who_it_promises(desk, example, path, id_column, recall, precision):
    persons = {row[id_column]: person(row) for row in rows(path)}
    (report,) = desk.load(definition.load(EXAMPLES / example / "source.yaml"), str(path))
    assert (report.totals["new"], report.totals["rejected"]) == (len(persons), 0)
    rules = rulefile.load(EXAMPLES / example / "rules.yaml")
    observer, facts, record_of = Observer(rules), Facts(), {}
    for row in desk.tables.current(desk.last).collect():
        seen = observer.observe(facts, row.identifiers, row.attributes, row.ingested_at, row.ingested_at)
        (record,) = (x for x in seen if x.type == "record")
        record_of[row.record] = record
    customers = resolve(facts, rules, minter=Minter(b"test")).customers
    customer_of = {member: customer.id for customer in customers for member in customer.members}
    found = scores({record: customer_of[x] for record, x in record_of.items()}, persons)
    assert found[0] >= recall
    assert found[1] >= precision
