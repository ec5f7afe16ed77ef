"""Between two generations nothing differs but what is touched, and of that all is at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import Published, reach
from identity.resolve import components
from identity.touched import touched
from tests.batch.expected import expected_records
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets


@pytest.fixture(scope="module", params=[0, reach.SPARE], autouse=True)
def spare(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", request.param)
        yield


class Flat:
    """A generation whose nodes hold all their links near."""

    def __init__(self, nodes, far, ids):
        self._nodes = {x: node.copy() for x, node in nodes.items()}
        self._ids = ids
        for (x, z), edge in far.items():
            self._nodes[x].edges[z] = edge
            self._nodes[x].far = {}

    def nodes(self, identifiers):
        return {x: self._nodes[x].copy() for x in identifiers if x in self._nodes}

    def ids(self, customer_ids):
        return {c: self._ids[c] for c in customer_ids if c in self._ids}


def expiring(facts, rules, old, new):
    """The identifiers for which, or for a link of which, an age passes between two moments."""
    for x, seen in facts.seen.items():
        age = rules.types[x.type].max_age
        if age is not None and old <= seen.last_seen + age < new:
            yield x
    for (a, b), link in facts.links.items():
        age = rules.between(a.type, b.type).max_age
        if age is not None and old <= link.last_seen + age < new:
            yield from (a, b)


def live(nodes, far):
    """Who hangs together by links that live."""
    return components({x: node.live for x, node in Flat(nodes, far, {}).nodes(nodes).items()})


@given(rule_sets(), logs, logs, st.integers(0, 30), st.integers(0, 15), st.randoms(use_true_random=False))
def test_what_is_not_touched_stays(rules, first, more, as_of, later, random):
    entries = numbered(first + more)
    # Partitions are cut each by itself: what comes later may be older.
    known = [entry for entry in entries if random.random() < 0.7]
    old = facts_of(known)
    nodes, far, customers, ids, published = expected_records(old, Published(), MINTER, as_of, rules)
    again = set(expiring(old, rules, as_of, as_of + later))
    new = facts_of([entry for entry in entries if entry not in known])
    found = touched(Flat(nodes, far, ids), new, again, rules, as_of + later)
    whole = expected_records(facts_of(entries), published, MINTER, as_of + later, rules)
    nodes_after, far_after, customers_after, ids_after, _ = whole

    def rest(records, owner):
        return {key: record for key, record in records.items() if owner(key) not in covered}

    covered = set().union(*found.components)
    assert sum(map(len, found.components)) == len(covered)
    whole_live = {frozenset(piece) for piece in live(nodes_after, far_after)}
    assert {frozenset(piece) for piece in found.components} <= whole_live
    assert rest(nodes, lambda x: x) == rest(nodes_after, lambda x: x)
    assert rest(far, lambda ends: ends[0]) == rest(far_after, lambda ends: ends[0])
    assert rest(customers, lambda x: x) == rest(customers_after, lambda x: x)
    for customer_id in ids_after.keys() - found.ids.keys():
        lines = [record.residents for record in (ids.get(customer_id), ids_after[customer_id]) if record]
        assert (len(lines) == 1 and covered.issuperset(lines[0])) or lines[0] == lines[1]
    flat = Flat(nodes_after, far_after, {}).nodes(covered)
    for x in covered:
        node, right = found.records.node(x), flat[x]
        assert (node.seen, node.edges, node.fault) == (right.seen, right.edges, right.fault)
    for customer_id, line in found.residents.items():
        assert set(line) == set(ids[customer_id].residents)
