"""Generation below, Redis on top, the worker's scripts: always the same as resolving everything."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import graph, reach, resolve
from speed_layer.changeset import Changeset
from tests.graph.published import passing
from tests.graph.stream import Stream
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets

as_ofs = st.sampled_from([None, 10, 25])
fewer = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=[0, reach.SPARE], autouse=True)
def spare(request):
    """With hardly a link near, and with as many as usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", request.param)
        patch.setattr(graph, "LARGE", max(request.param, 1))
        yield


def delivered(entries_, random, batches):
    """Every entry at least once, in any order, in batches."""
    sent = entries_ + random.choices(entries_, k=len(entries_) // 3) if entries_ else []
    random.shuffle(sent)
    return [facts_of(sent[i::batches]) for i in range(batches)]


def standing(view, identifiers):
    """All customers, as their identifiers lead to them; every node must agree with its customer."""
    nodes = view.nodes(identifiers)
    firsts = {node.first for node in nodes.values() if node.first is not None}
    customers = view.customers(firsts)
    assert customers.keys() == firsts
    for first, customer in customers.items():
        assert {(nodes[x].customer, nodes[x].first) for x in customer.members} == {(customer.id, first)}
    return sorted(customers.values())


def expected(log, rules, as_of, handed_on):
    whole = facts_of(log)
    return resolve(whole, rules, minter=MINTER, as_of=as_of, published=handed_on).customers


@given(rule_sets(), logs, logs, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
@fewer
def test_a_generation_and_the_stream_on_top_equal_the_whole(
    redis, rules, prefix, suffix, as_of, random, batches
):
    redis.flushall()
    log = numbered(prefix + suffix)
    known, new = log[: len(prefix)], log[len(prefix) :]
    with passing(facts_of(known), rules, MINTER, as_of) as (generation, handed_on):
        stream = Stream(redis, generation, rules, MINTER, as_of)
        for facts in delivered(new, random, batches):
            stream.apply(facts)
        found = standing(stream.view(), facts_of(log).seen)
        assert found == expected(log, rules, as_of, handed_on)
        stream.apply(facts_of(log))
        assert standing(stream.view(), facts_of(log).seen) == found


@given(rule_sets(), logs, logs, as_ofs, st.randoms(use_true_random=False), st.integers(1, 4))
@fewer
def test_workers_that_collide_lose_nothing(redis, rules, prefix, suffix, as_of, random, batches):
    redis.flushall()
    log = numbered(prefix + suffix)
    known, new = log[: len(prefix)], log[len(prefix) :]
    with passing(facts_of(known), rules, MINTER, as_of) as (generation, handed_on):
        stream = Stream(redis, generation, rules, MINTER, as_of)
        work = delivered(new, random, 2 * batches)
        for mine, theirs in zip(work[::2], work[1::2], strict=True):
            view, updates = stream.resolve(mine)
            other_view, other_updates = stream.resolve(theirs)
            assert set(stream.commit(view, updates)) <= {"ok"}
            written = {x for update in updates for x in update.nodes}
            rebuilt = {first for update in updates for first in update.customers}
            outcomes = stream.commit(other_view, other_updates)
            for update, outcome in zip(other_updates, outcomes, strict=True):
                overlaps = written & set(update.read_nodes) or rebuilt & set(update.read_customers)
                assert outcome == ("conflict" if overlaps else "ok")
            stream.apply(theirs)
        assert standing(stream.view(), facts_of(log).seen) == expected(log, rules, as_of, handed_on)


@given(rule_sets(), logs, logs, st.randoms(use_true_random=False))
@fewer
def test_a_customer_s_version_only_grows(redis, rules, prefix, suffix, random):
    redis.flushall()
    log = numbered(prefix + suffix)
    versions = {}
    with passing(facts_of(log[: len(prefix)]), rules, MINTER, None) as (generation, _):
        stream = Stream(redis, generation, rules, MINTER)
        for facts in delivered(log[len(prefix) :], random, len(suffix) or 1):
            view, updates = stream.resolve(facts)
            for update in updates:
                version = Changeset(view, update).version
                for customer in {*update.before, *update.after}:
                    assert version > versions.get(customer.id, 0)
                versions.update(dict.fromkeys((customer.id for customer in update.after), version))
            assert set(stream.commit(view, updates)) <= {"ok"}
