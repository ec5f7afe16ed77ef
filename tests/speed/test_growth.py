"""Where `grow` answers, it says what `upkeep` says; and it answers where there is nothing to decide."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, Rules, TypeRule, Verdict
from identity.growth import grow
from identity.memory import MemoryView
from identity.upkeep import upkeep
from schemas.records import encode_node
from speed_layer.grouping import add_alone, grouped
from tests.identity.strategies import MINTER, Event, facts_of, logs, numbered, rule_sets
from tests.identity.test_upkeep import published_view

as_ofs = st.sampled_from([None, None, 10, 25])


@st.composite
def roomy_rule_sets(draw):
    """Rules whose limits are reached now and then only."""
    rules = draw(rule_sets())
    rare = st.integers(0, 4).map(lambda n: n == 0)
    return Rules(
        {
            name: rule
            if draw(rare)
            else replace(rule, max=1 if name == "account" else 100, hot=None, max_age=None)
            for name, rule in rules.types.items()
        },
        stale=rules.stale,
    )


@st.composite
def own_events(draw):
    """A sighting of what mostly belongs to one person."""
    owner = draw(st.sampled_from("abcdef"))
    kinds = st.sampled_from(["account", "mail", "device", "device2", "cookie", "cookie2", "cookie3"])
    found = draw(st.lists(kinds, min_size=1, max_size=3, unique=True))
    identifiers = tuple(Identifier(kind.rstrip("23"), owner + kind[-1]) for kind in found)
    return Event(identifiers, draw(st.integers(0, 20)))


def mostly(usual, other, times=4):
    """One of two, the first so many times as often."""
    return st.integers(0, times).flatmap(lambda n: other if n == times else usual)


events = mostly(own_events(), logs.filter(bool).map(lambda log: log[0]), 15)
any_logs = mostly(st.lists(events, min_size=3, max_size=25), logs)
any_rules = mostly(roomy_rule_sets(), rule_sets())


def groups_of(view, facts):
    """Facts that hang together, each with the nodes and the customers that `grow` may know."""
    nodes = view.nodes(facts.seen)
    encoded = {x: encode_node(node) for x, node in nodes.items()}
    groups = grouped(facts, facts.links, encoded)
    tied = {end for ends in facts.links for end in ends}
    add_alone(groups, facts, {x: node for x, node in encoded.items() if x not in tied})
    for group in groups:
        known = [nodes[x] for x in group.seen if x in nodes]
        found = view.customers({node.first for node in known if node.first is not None and not node.lone})
        members = {member for customer in found.values() for member in customer.members}
        yield group, view.nodes({*group.seen, *members}), sorted(found.values())


def grown(group, known, customers, rules, as_of):
    before = {x: node.copy() for x, node in known.items()}
    update = grow(group.seen, group.links, group.signs, known, customers, rules, MINTER, as_of)
    assert known == before
    return update


def assert_as_upkeep(view, group, known, update, rules, as_of):
    facts = Facts(dict(group.seen), dict(group.links), signs=dict(group.signs))
    slow = upkeep(view, facts, rules, minter=MINTER, as_of=as_of)
    assert update.nodes == {x: node for part in slow for x, node in part.nodes.items()}
    assert update.customers == {
        first: customer for part in slow for first, customer in part.customers.items()
    }
    assert sorted(update.before) == sorted(customer for part in slow for customer in part.before)
    assert sorted(update.after) == sorted(customer for part in slow for customer in part.after)
    existed = {node.customer for node in known.values()}
    minted = [item for part in slow for item in part.minted.items() if item[0] not in existed]
    assert update.minted == dict(minted)
    # All that it writes rests on what it read.
    assert len(set(update.read_nodes)) == len(update.read_nodes)
    assert set(update.read_nodes) >= {*update.nodes, *group.seen}
    stored = {node.first for node in known.values() if not node.lone}
    assert set(update.read_customers) >= stored & update.customers.keys()


@st.composite
def deliveries(draw):
    """A way to deliver a log in batches: mostly in order, the last of each batch again in the next."""
    size, again = draw(st.integers(1, 5)), draw(st.integers(0, 1))
    shuffled = draw(st.integers(0, 3).map(lambda n: n == 0))
    seed = draw(st.integers(0, 999))

    def deliver(entries):
        if shuffled:
            Random(seed).shuffle(entries)
        return [entries[max(0, i - again) : i + size] for i in range(0, len(entries), size)]

    return deliver


def assert_growth_is_upkeep(view, batches, rules, as_of):
    """Applies batches, and compares before each."""
    for batch in batches:
        facts = facts_of(batch)
        for group, known, customers in groups_of(view, facts):
            update = grown(group, known, customers, rules, as_of)
            if update is not None:
                assert_as_upkeep(view, group, known, update, rules, as_of)
        view.apply(facts)


@given(any_rules, any_logs, as_ofs, deliveries())
@settings(max_examples=120, deadline=None)
def test_growth_is_upkeep(rules, log, as_of, deliver):
    view = MemoryView(rules, MINTER, as_of)
    assert_growth_is_upkeep(view, deliver(numbered(log)), rules, as_of)


@given(any_rules, any_logs, any_logs, as_ofs, deliveries())
@settings(max_examples=120, deadline=None)
def test_growth_is_upkeep_on_a_generation(rules, prefix, suffix, as_of, deliver):
    entries = numbered(prefix + suffix)
    view, _ = published_view(rules, as_of, entries[: len(prefix)])
    assert_growth_is_upkeep(view, deliver(entries[len(prefix) :]), rules, as_of)


@given(any_rules, any_logs, as_ofs, deliveries(), st.lists(st.booleans(), min_size=30, max_size=30))
@settings(max_examples=80, deadline=None)
def test_growth_is_upkeep_where_the_cut_off_is_no_moment(rules, log, as_of, deliver, below):
    entries = numbered(log)
    view, _ = published_view(rules, as_of, [e for e, known in zip(entries, below, strict=False) if known])
    assert_growth_is_upkeep(view, deliver(entries), rules, as_of)


LOGIN = TypeRule("login", 1, max=1)
RULES = Rules({"login": LOGIN, "mail": TypeRule("mail", 2), "cookie": TypeRule("cookie", 3, max=3)})
TOM, ANN = Identifier("login", "tom"), Identifier("login", "ann")
A, B, C, D, E = (Identifier("cookie", name) for name in "abcde")
MAIL = Identifier("mail", "x")


def with_rule(**fields):
    """The rules above, but for cookies."""
    return Rules({**RULES.types, "cookie": replace(RULES.types["cookie"], **fields)})


def said(*together, at=9):
    """Sightings, all at one moment."""
    facts = Facts()
    for identifiers in together:
        facts.add_sighting(identifiers, at, at)
    return facts


def standing(*history, rules=RULES, as_of=None, published=False):
    """A view that was told a history, or a generation of it: sightings, an entry each, from moment 1 on."""
    view = MemoryView(rules, MINTER, as_of)
    facts = Facts()
    for at, together in enumerate(history, 1):
        facts.update(said(together, at=at))
    if published:
        from tests.graph.published import built

        return built(facts, rules, MINTER, as_of)[0]
    view.apply(facts)
    return view


def answer(view, facts, rules=RULES, as_of=None):
    """What `grow` says to facts that all hang together, compared with `upkeep`; 'undecided' if nothing."""
    ((group, known, customers),) = groups_of(view, facts)
    update = grown(group, known, customers, rules, as_of)
    if update is None:
        return "undecided"
    assert_as_upkeep(view, group, known, update, rules, as_of)
    return [customer.members for customer in update.after]


def test_a_newcomer_joins_a_customer_that_was_refused_a_link():
    view = standing([TOM, A], [ANN, B], [A, B])
    assert answer(view, said([A, C])) == [(A, B, C, ANN)]
    assert answer(view, said([TOM, C])) == [(C, TOM)]


def test_a_newcomer_joins_a_customer_with_aliases():
    view = standing([TOM], [A], published=True)
    (update,) = view.apply(said([TOM, A], at=5))
    assert update.after[0].aliases
    assert answer(view, said([TOM, B])) == [(A, B, TOM)]
    assert answer(view, said([A, Identifier("cookie", "0")])) == [(Identifier("cookie", "0"), A, TOM)]


@pytest.mark.parametrize("published", [False, True])
class TestPlain:
    """Nothing to decide."""

    def test_two_that_nobody_knew(self, published):
        assert answer(standing([TOM], published=published), said([A, ANN])) == [(A, ANN)]

    def test_several_that_nobody_knew_in_several_events(self, published):
        assert answer(standing([TOM], published=published), said([A, ANN], [B, ANN], [B, C])) == [
            (A, B, C, ANN)
        ]

    def test_a_newcomer_joins_a_customer(self, published):
        view = standing([TOM, A], published=published)
        assert answer(view, said([TOM, B])) == [(A, B, TOM)]

    def test_a_newcomer_comes_first(self, published):
        view = standing([TOM, C], [TOM, B], published=published)
        assert answer(view, said([TOM, A])) == [(A, B, C, TOM)]

    def test_a_newcomer_joins_one_who_was_alone(self, published):
        assert answer(standing([TOM], published=published), said([TOM, A])) == [(A, TOM)]
        assert answer(standing([A], published=published), said([TOM, A])) == [(A, TOM)]

    def test_a_known_link_is_seen_again(self, published):
        assert answer(standing([TOM, A], published=published), said([TOM, A])) == []

    def test_members_of_one_customer_are_met_together_for_the_first_time(self, published):
        assert answer(standing([TOM, A], [TOM, B], published=published), said([A, B])) == []

    def test_nothing_new(self, published):
        assert answer(standing([TOM, A], published=published), said([TOM, A], at=1)) == []


class TestTwoWhoWereAlone:
    def test_they_join(self):
        assert answer(standing([TOM], [A]), said([TOM, A])) == [(A, TOM)]

    def test_and_bring_others(self):
        assert answer(standing([TOM], [A], [B]), said([TOM, A], [A, B], [B, C])) == [(A, B, C, TOM)]

    def test_not_where_one_of_them_is_published(self):
        assert answer(standing([TOM], [A], published=True), said([TOM, A])) == "undecided"


class TestSeveralCustomersBecomeOne:
    def test_two(self):
        assert answer(standing([TOM, A], [B, C]), said([A, B])) == [(A, B, C, TOM)]
        assert answer(standing([B, C], [TOM, A]), said([A, B])) == [(A, B, C, TOM)]

    def test_two_by_a_newcomer(self):
        assert answer(standing([TOM, A], [B, C]), said([A, MAIL], [MAIL, B])) == [(A, B, C, TOM, MAIL)]

    def test_one_and_who_was_alone(self):
        assert answer(standing([TOM, A], [B]), said([TOM, B])) == [(A, B, TOM)]
        assert answer(standing([B], [TOM, C]), said([TOM, B], [B, A])) == [(A, B, C, TOM)]

    def test_not_where_it_would_be_too_many(self):
        assert answer(standing([TOM, A], [ANN, B]), said([A, B])) == "undecided"
        assert answer(standing([TOM, A], [B, C], [D, E]), said([A, B], [C, D])) == "undecided"


class TestSomebodyIsOlder:
    """As when partitions are read each at its own pace, or two workers meet somebody."""

    def test_and_names_his_customer(self):
        view = standing([B], [TOM, A])
        assert answer(view, said([TOM, A], at=1)) == [(A, TOM)]
        assert answer(view, said([A], at=1)) == [(A, TOM)]
        assert answer(view, said([A, C], at=1)) == [(A, C, TOM)]

    def test_and_another_names_it(self):
        view = standing([TOM, A], [C], [A, B])
        assert answer(view, said([A, B], at=2)) == []
        assert answer(view, said([B], at=2)) == []
        assert answer(view, said([B, MAIL], at=2)) == [(A, B, TOM, MAIL)]

    def test_alone(self):
        view = standing([B], [A])
        assert answer(view, said([A], at=1)) == [(A,)]
        assert answer(view, said([A, TOM], at=1)) == [(A, TOM)]

    def test_who_is_new(self):
        view = standing([B], [TOM, A])
        facts = said([C], at=1)
        facts.update(said([TOM, C]))
        assert answer(view, facts) == [(A, C, TOM)]

    def test_where_several_become_one(self):
        view = standing([D], [TOM, A], [B, MAIL])
        facts = said([C], at=1)
        facts.update(said([A, B], [B, C]))
        assert answer(view, facts) == [(A, B, C, TOM, MAIL)]
        assert answer(view, said([A, B], at=1)) == [(A, B, TOM, MAIL)]

    def test_not_where_an_id_is_published(self):
        view = standing([B], [TOM, A], published=True)
        for facts in (said([TOM, A], at=1), said([A], at=1), said([TOM, C], at=1)):
            assert answer(view, facts) == "undecided"


class TestToDecide:
    def test_a_second_login(self):
        assert answer(standing([TOM, A]), said([ANN, A])) == "undecided"
        assert answer(standing([TOM, A]), said([ANN, B], [A, B])) == "undecided"
        assert answer(standing(), said([TOM, A, ANN])) == "undecided"

    def test_more_cookies_than_a_customer_may_have(self):
        view = standing([TOM, A], [TOM, B])
        assert answer(view, said([TOM, C])) == [(A, B, C, TOM)]
        assert answer(view, said([TOM, C], [TOM, D])) == "undecided"
        # None of them has too many links itself.
        assert answer(view, said([B, C], [C, D])) == "undecided"

    def test_a_hot_one(self):
        rules = with_rule(hot=2)
        mails = [Identifier("mail", name) for name in "xyz"]
        view = standing(*([A, mail] for mail in mails[:2]), rules=rules)
        assert answer(view, said([TOM, mails[0]]), rules) == [(A, TOM, *mails[:2])]
        assert answer(view, said([A, mails[2]]), rules) == "undecided"

    def test_one_that_was_set_aside(self):
        rules = with_rule(hot=1)
        mails = [Identifier("mail", name) for name in "xyz"]
        view = standing(*([A, mail] for mail in mails[:2]), rules=rules)
        assert answer(view, said([A, TOM]), rules) == "undecided"
        # Who was met with it is none the worse.
        assert answer(view, said([mails[0], TOM]), rules) != "undecided"

    @pytest.mark.parametrize("verdict", Verdict)
    def test_a_decision(self, verdict):
        facts = said([TOM, A])
        facts.add_decision(TOM, A, verdict, 9, 9)
        assert answer(standing(), facts) == "undecided"

    def test_where_a_steward_keeps_two_apart(self):
        view = standing([TOM, A])
        facts = Facts()
        facts.add_decision(TOM, B, Verdict.CANNOT, 5, 5)
        view.apply(facts)
        assert answer(view, said([TOM, C])) == "undecided"
        assert answer(view, said([A, C])) == [(A, C, TOM)]
        assert answer(view, said([A, B])) == "undecided"

    def test_what_has_expired(self):
        rules = with_rule(max_age=5)
        assert answer(standing(rules=rules, as_of=20), said([TOM, A]), rules, 20) == "undecided"
        assert answer(standing(rules=rules, as_of=14), said([TOM, A]), rules, 14) == [(A, TOM)]

    def test_a_link_that_has_expired_between_two_that_have_not(self):
        rules = with_rule(max_age=5)
        facts = said([TOM, A])
        facts.update(said([A], at=18))
        assert answer(standing(rules=rules, as_of=20), facts, rules, 20) == "undecided"

    def test_several_where_an_id_is_published(self):
        assert answer(standing([TOM, A], [B], published=True), said([TOM, B])) == "undecided"
        assert answer(standing([TOM, A], [B, E], published=True), said([A, B])) == "undecided"

    def test_several_where_a_steward_keeps_somebody_apart(self):
        view = standing([TOM, A], [B, E])
        facts = Facts()
        facts.add_decision(TOM, D, Verdict.CANNOT, 5, 5)
        view.apply(facts)
        assert answer(view, said([A, B])) == "undecided"

    def test_a_link_that_was_refused_comes_earlier(self):
        assert answer(standing([TOM, ANN]), said([TOM, ANN])) == "undecided"
