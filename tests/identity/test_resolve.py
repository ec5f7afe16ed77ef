"""The laws of resolution, on random rules and logs."""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from identity import Facts, Published, Verdict, reference, resolve
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets

as_ofs = st.sampled_from([None, 10, 25])


def by_id(resolution):
    return {customer.id: frozenset(customer.members) for customer in resolution.customers}


@given(rule_sets(), logs, as_ofs)
def test_equals_the_reference(rules, log, as_of):
    facts = facts_of(numbered(log))
    partition = reference.partition(facts, rules, as_of)
    found = by_id(resolve(facts, rules, minter=MINTER, as_of=as_of))
    assert found == reference.names(partition, facts, rules, MINTER)


@given(logs, st.randoms(use_true_random=False), st.integers(1, 5))
def test_facts_do_not_depend_on_order_duplicates_or_batches(log, random, batches):
    entries = numbered(log)
    shuffled = entries + random.choices(entries, k=5) if entries else []
    random.shuffle(shuffled)
    whole = Facts()
    for i in range(batches):
        whole.update(facts_of(shuffled[i::batches]))
    assert whole == facts_of(entries)


@given(logs, logs, logs)
def test_merging_is_associative_commutative_and_idempotent(a, b, c):
    def merged(*parts):
        result = Facts()
        for part in parts:
            result.update(part)
        return result

    a, b, c = (facts_of(numbered(log)) for log in (a, b, c))
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, b) == merged(b, a)
    assert merged(a, a) == a


@given(rule_sets(), logs)
def test_no_customer_breaks_a_max_and_everyone_is_somewhere(rules, log):
    facts = facts_of(numbered(log))
    resolution = resolve(facts, rules, minter=MINTER)
    for customer in resolution.customers:
        for type_, count in Counter(member.type for member in customer.members).items():
            assert count <= rules.types[type_].max
    members = [member for customer in resolution.customers for member in customer.members]
    assert len(members) == len(set(members))
    assert facts.seen.keys() == set(members) | resolution.quarantined.keys()
    assert len({customer.id for customer in resolution.customers}) == len(resolution.customers)


@given(rule_sets(), st.lists(logs, min_size=1, max_size=4), as_ofs)
def test_names_over_generations_equal_the_reference_and_never_repeat(rules, increments, as_of):
    log, published = [], Published()
    for increment in increments:
        log += increment
        facts = facts_of(numbered(log))
        resolution = resolve(facts, rules, minter=MINTER, as_of=as_of, published=published)
        partition = reference.partition(facts, rules, as_of)
        assert by_id(resolution) == reference.names(partition, facts, rules, MINTER, published)
        everyone = [c.id for c in resolution.customers] + [a for c in resolution.customers for a in c.aliases]
        assert len(everyone) == len(set(everyone))
        published = resolution.publish(published)
        # Publishing alone renames nobody.
        again = resolve(facts, rules, minter=MINTER, as_of=as_of, published=published)
        assert by_id(again) == by_id(resolution)


@given(rule_sets(), logs, st.data())
def test_old_ids_are_back_after_a_merge_is_undone(rules, log, data):
    entries = numbered(log)
    before = resolve(facts_of(entries), rules, minter=MINTER)
    published = before.publish()
    members = [member for customer in before.customers for member in customer.members]
    assume(len(members) > 1)
    a, b = data.draw(st.lists(st.sampled_from(members), min_size=2, max_size=2, unique=True))
    merge, undo = facts_of(entries), facts_of(entries)
    merge.add_decision(a, b, Verdict.MUST, 100, 100)
    merged = resolve(merge, rules, minter=MINTER, published=published)
    wholes = [frozenset(customer.members) for customer in merged.customers]
    # A must-link can also take an identifier from one customer to another: that is no merge.
    assume(all(any(whole.issuperset(c.members) for whole in wholes) for c in before.customers))
    undo.update(merge)
    known = facts_of(entries).links.get((a, b) if a < b else (b, a))
    undo.add_decision(a, b, known.verdict if known else Verdict.NONE, 101, 101)
    after = resolve(undo, rules, minter=MINTER, published=merged.publish(published))
    assert by_id(after) == by_id(before)
