"""Incremental = whole: a view kept current event by event equals `resolve` over all facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import graph, reach, resolve
from identity.memory import MemoryView
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets

as_ofs = st.sampled_from([None, 10, 25])


@pytest.fixture(scope="module", params=[0, 1, reach.SPARE], autouse=True)
def spare(request):
    """However little a node holds near, nothing else may differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", request.param)
        patch.setattr(graph, "LARGE", max(request.param, 1))
        yield


def apply_in_batches(view, entries, random, batches):
    """Deliver every entry at least once, in any order and any split."""
    delivered = entries + random.choices(entries, k=len(entries) // 3) if entries else []
    random.shuffle(delivered)
    updates = []
    for i in range(batches):
        updates += view.apply(facts_of(delivered[i::batches]))
    return updates


def published_view(rules, as_of, known):
    """A view on a generation of what is known, and what that generation published."""
    published = resolve(facts_of(known), rules, minter=MINTER, as_of=as_of).publish()
    view = MemoryView(rules, MINTER, as_of)
    view.apply(facts_of(known))
    view.publish(published)
    return view, published


@given(rule_sets(), logs, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
def test_incremental_equals_whole(rules, log, as_of, random, batches):
    entries = numbered(log)
    view = MemoryView(rules, MINTER, as_of)
    apply_in_batches(view, entries, random, batches)
    assert view.all_customers == resolve(facts_of(entries), rules, minter=MINTER, as_of=as_of).customers


@given(rule_sets(), logs, logs, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
def test_batch_of_a_prefix_and_stream_of_the_suffix_equal_batch_of_the_whole(
    rules, prefix, suffix, as_of, random, batches
):
    entries = numbered(prefix + suffix)
    known, new = entries[: len(prefix)], entries[len(prefix) :]
    view, published = published_view(rules, as_of, known)
    apply_in_batches(view, new, random, batches)
    whole = resolve(facts_of(entries), rules, minter=MINTER, as_of=as_of, published=published)
    assert view.all_customers == whole.customers


@given(rule_sets(), logs, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_cut_off_need_not_be_a_moment(rules, log, as_of, random, batches):
    """Partitions are cut each by itself: what lies beyond one cut-off may be older than what lies below."""
    entries = numbered(log)
    known = [entry for entry in entries if random.random() < 0.5]
    view, published = published_view(rules, as_of, known)
    apply_in_batches(view, entries, random, batches)
    whole = resolve(facts_of(entries), rules, minter=MINTER, as_of=as_of, published=published)
    assert view.all_customers == whole.customers


@given(rule_sets(), logs)
def test_updates_are_independent_and_say_what_changed(rules, log):
    view = MemoryView(rules, MINTER)
    standing = {}
    for event in numbered(log):
        written = []
        for update in view.apply(facts_of([event])):
            written += update.nodes
            assert set(update.nodes) <= set(update.read_nodes)
            assert set(update.customers) <= set(update.read_customers)
            for customer in update.before:
                assert standing.pop(customer.id) == customer.members
            standing.update({customer.id: customer.members for customer in update.after})
        assert len(written) == len(set(written))
    assert standing == {customer.id: customer.members for customer in view.all_customers}


@given(rule_sets(), logs)
def test_a_repeated_event_changes_nothing(rules, log):
    view = MemoryView(rules, MINTER)
    facts = facts_of(numbered(log))
    view.apply(facts)
    assert view.apply(facts) == []
