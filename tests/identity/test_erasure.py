"""Erased anywhere in a log: what is left is what it would be had nobody ever named them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import Facts, Identifier, Observer, graph, reach, reference, resolve
from identity.memory import MemoryView
from identity.rulefile import parse
from identity.tombstones import Tombstones
from tests.identity.strategies import MINTER, facts_of, identifiers, logs, numbered, rule_sets
from tests.identity.test_upkeep import published_view

as_ofs = st.sampled_from([None, 10, 25])
erasures = st.lists(st.tuples(st.lists(identifiers, min_size=1, max_size=4), st.integers(-1, 16)), max_size=4)


@pytest.fixture(scope="module", params=[0, 1, reach.SPARE], autouse=True)
def spare(request):
    """However little a node holds near, nothing else may differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", request.param)
        patch.setattr(graph, "LARGE", max(request.param, 1))
        yield


def latest(erased):
    """Up to when each is erased."""
    through = {}
    for some, at in erased:
        for x in some:
            through[x] = max(at, through.get(x, at))
    return through


def without(entries, through):
    """Facts of a log from which somebody struck out, by hand, what was erased."""
    facts = Facts()
    for event, at in entries:
        left = tuple(x for x in event.identifiers if at > through.get(x, -2))
        if event.verdict is None or len(left) == 2:
            facts.update(facts_of([(replace(event, identifiers=left), at)]))
        else:
            facts.add_sighting(left, event.occurred_at, at)
    return facts


def stream(view, entries, erased, random, batches):
    """Deliver a log in any order, as a worker takes it: who reads an event knows of all older erasures."""
    waiting = list(erased)
    shuffled = entries + random.choices(entries, k=len(entries) // 3) if entries else []
    random.shuffle(shuffled)
    known = []
    for i in range(batches):
        batch = shuffled[i::batches]
        newest = max((at for _, at in batch), default=-2)
        heard = [each for each in waiting if each[1] < newest or random.random() < 0.3]
        waiting = [each for each in waiting if each not in heard]
        known += heard
        view.erase(latest(known if random.random() < 0.5 else heard))
        view.apply(without(batch, latest(known)))
    view.erase(latest(waiting))


@given(rule_sets(), logs, erasures, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
def test_the_stream_equals_a_rebuild_without_the_erased(rules, log, erased, as_of, random, batches):
    entries = numbered(log)
    view = MemoryView(rules, MINTER, as_of)
    stream(view, entries, erased, random, batches)
    left = without(entries, latest(erased))
    whole = resolve(left, rules, minter=MINTER, as_of=as_of)
    assert view.all_customers == whole.customers
    partition = reference.partition(left, rules, as_of)
    named = reference.names(partition, left, rules, MINTER)
    assert {customer.id: frozenset(customer.members) for customer in whole.customers} == named


@given(rule_sets(), logs, logs, erasures, as_ofs, st.randoms(use_true_random=False), st.integers(1, 8))
def test_so_on_a_generation_that_still_holds_them(rules, prefix, suffix, erased, as_of, random, batches):
    entries = numbered(prefix + suffix)
    known, new = entries[: len(prefix)], entries[len(prefix) :]
    begun = len(prefix) // 2
    erased = [(some, begun + max(at, 0)) for some, at in erased]  # the generation has not heard of any
    view, published = published_view(rules, as_of, known)
    stream(view, new, erased, random, batches)
    through = latest(erased)
    left = without(entries, through)
    whole = resolve(left, rules, minter=MINTER, as_of=as_of, published=published.without(through))
    assert view.all_customers == whole.customers


@given(rule_sets(), logs, st.lists(identifiers, min_size=1, max_size=3), as_ofs)
def test_an_erasure_that_is_told_again_changes_nothing(rules, log, some, as_of):
    view = MemoryView(rules, MINTER, as_of)
    view.apply(facts_of(numbered(log)))
    view.erase(dict.fromkeys(some, 100))
    standing = view.all_customers
    assert view.erase(dict.fromkeys(some, 100)) == []
    assert view.all_customers == standing
    assert not view.nodes(some)


def test_who_comes_again_gets_a_new_id():
    rules = parse("version: 1\nidentifiers: {login: {rank: 1, unique: true}, cookie: {rank: 2}}")
    ann, device = Identifier("login", "ann"), Identifier("cookie", "1")
    facts = Facts()
    facts.add_sighting((ann, device), 1, 1)
    published = resolve(facts, rules, minter=MINTER).publish()
    (old,) = published.ids
    view = MemoryView(rules, MINTER)
    view.apply(facts)
    view.publish(published)
    view.erase({ann: 5, device: 5})
    assert view.all_customers == []
    again = Facts()
    again.add_sighting((ann,), 6, 6)
    view.apply(again)
    (customer,) = view.all_customers
    assert customer.members == (ann,)
    assert old not in (customer.id, *customer.aliases)


RULES = parse(
    """
version: 1
identifiers: {email: {rank: 1, normalise: email}, cookie: {rank: 3}}
match_keys: {person: {rank: 2, from: [name, town]}}
"""
)


def tombstones(*erased, through=5, tenant="default"):
    found = Tombstones(b"a key for tests", tenant)
    found.add([found.digest(Identifier(*x)) for x in erased], through)
    return found


@pytest.mark.parametrize("ingested_at", [4, 5, 6])
def test_an_event_loses_the_erased_and_its_attributes(ingested_at):
    facts = Facts()
    event = {"email": ["ANN@example.org"], "cookie": ["1", "2"]}
    about = {"name": "Ann", "town": "Ely"}
    erased = tombstones(("email", "ann@example.org"))
    Observer(RULES).observe(facts, event, about, 1, ingested_at, erased)
    types = sorted(x.type for x in facts.seen)
    if ingested_at <= 5:
        assert types == ["cookie", "cookie"]
        assert len(facts.links) == 1
    else:
        assert types == ["cookie", "cookie", "email", "person"]


def test_an_erased_match_key_takes_the_attributes_along():
    facts = Facts()
    (key,) = Observer(RULES).observe(Facts(), {}, {"name": "Ann", "town": "Ely"}, 1, 1)
    event, about = {"cookie": ["1"]}, {"name": "ann", "town": "ELY"}
    Observer(RULES).observe(facts, event, about, 1, 1, tombstones(key))
    assert facts.seen.keys() == {Identifier("cookie", "1")}


def test_a_tombstone_is_of_one_tenant_and_one_key():
    ann = Identifier("email", "ann@example.org")
    found = tombstones(ann)
    assert found.erases(ann, 5)
    assert not found.erases(ann, 6)
    assert not tombstones(ann, tenant="other").all.keys() & found.all.keys()
    other = Tombstones(b"another key")
    assert other.digest(ann) != found.digest(ann)
    assert "ann" not in found.mask(ann).value
