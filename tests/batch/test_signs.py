"""What the driver and the tasks of a run make of rows, without Spark: signs get through, and count alike."""

from unittest import mock

from hypothesis import given, settings

from batch_layer import customers, silver, touching
from schemas import records
from tests.batch.expected import expected_records
from tests.graph.published import entries, publish
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets
from tests.identity.test_upkeep import published_view

TENANT, KEY = "default", b"a key for tests"


def rows_of(facts):
    names = silver._FACTS.names
    return [dict(zip(names, row, strict=True)) for row in silver._rows({TENANT: facts})]


@given(logs)
def test_facts_come_back_from_rows(log):
    facts = facts_of(numbered(log))
    back = touching.facts_of(rows_of(facts)).get(TENANT, facts_of([]))
    assert back == facts


def found_in(made, rules):
    """The records of touched components, as a task writes them."""
    step = customers._Step(rules, None, KEY, 2, {})
    people = [(*row[:3], None, *row[3:6], None, None, None, *row[6:]) for row in made.rows["people"]]
    ties = [(*row[:2], None, *row[2:], *[None] * 7) for row in made.rows["ties"]]
    with mock.patch.object(customers, "packed", lambda _, some: some):
        for place in range(len(made.names)):
            for *_, entry in step([row for row in (*people, *ties) if row[0] == place]):
                if entry is not None:
                    yield entry


@given(rule_sets(), logs, logs)
@settings(max_examples=30, deadline=None)
def test_an_increment_writes_nodes_with_their_signs(tmp_path_factory, rules, first, more):
    known = numbered(first + more)
    old, new = facts_of(known[: len(first)]), facts_of(known[len(first) :])
    view, handed_on = published_view(rules, None, known[: len(first)])
    generation = publish(tmp_path_factory.mktemp("generation"), entries(view))
    made = touching.touching(generation, {TENANT: new}, {}, rules, None)
    old.update(new)
    nodes, *_ = expected_records(old, handed_on, MINTER, None, rules)
    expected = {records.node_key(TENANT, x): node for x, node in nodes.items()}
    found = {key: records.decode_node(value) for key, value in found_in(made, rules) if key[:1] == b"n"}
    assert found == {key: expected[key] for key in found}
    before = view.nodes(nodes)
    assert found.keys() >= {records.node_key(TENANT, x) for x in nodes if nodes[x] != before.get(x)}
