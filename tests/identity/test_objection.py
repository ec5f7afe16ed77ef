"""Objections to being joined: the words against the plain list of them, and what becomes of a visitor."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import Facts, Identifier, Observer, Refused, RuleError, Verdict, reference, resolve, rulefile
from identity.consent import Permission, Statement, claim
from identity.facts import NO_SIGNS, Signs
from identity.memory import MemoryView
from identity.objection import told
from tests.identity.strategies import MINTER, WORDS, permissions, signs_of, statements

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 5}
  cookie: {rank: 9, max: 50}
stale:
  email: {after: {hard_bounce: 1}, revived_by: [click]}
joining: {purpose: joining}
"""
COOKIE, LOGIN, MAIL = (
    Identifier("cookie", "c"),
    Identifier("login", "ann"),
    Identifier("email", "a@b.example"),
)
WITHDRAWN, GRANTED = True, False
OBJECTED = "objected: this cookie stays apart, until joining it is permitted again"


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 9)), min_size=1), st.data())
def test_the_newest_word_holds_and_of_two_at_one_moment_the_objection(words, data):
    signs = reduce(Signs.merge, (signs_of(*word) for word in data.draw(st.permutations(words))), NO_SIGNS)
    newest = max(at for _, at in words)
    assert signs.word.objects == (("objection", newest) in words)


@given(st.lists(st.tuples(permissions, statements), min_size=1))
def test_every_statement_on_the_purpose_is_a_word(said):
    claims = {}
    for about, statement in said:
        claim(claims, about, statement)
    words = [(s.at, s.withdrawn) for about, s in said if about.purpose == "a"]
    assert told("a", claims) == (Signs(word=max(words)) if words else None)


def facts_of(*events, ruled=RULES):
    """Facts of events: when, who together, and what they say of being joined, if anything."""
    facts, observer = Facts(), Observer(rulefile.parse(ruled))
    for at, together, *words in events:
        facts.add_sighting(together, at, at)
        for withdrawn in words:
            observer.hear(facts, together, {Permission("joining"): Statement(at, withdrawn)})
    return facts


def customers(facts):
    """Who is with whom, and what was refused; as the reference has it, too."""
    rules = rulefile.parse(RULES)
    found = resolve(facts, rules, minter=MINTER)
    parts = {frozenset(customer.members) for customer in found.customers}
    assert parts == reference.partition(facts, rules)
    return parts, found.rejected


VISIT = [(1, [COOKIE]), (2, [COOKIE, LOGIN]), (3, [LOGIN, MAIL])]
OBJECTION = (4, [COOKIE], WITHDRAWN)
APART = {frozenset({COOKIE}), frozenset({LOGIN, MAIL})}
TOGETHER = {frozenset({COOKIE, LOGIN, MAIL})}


def test_who_objects_stands_apart_whenever_he_was_joined():
    assert customers(facts_of(*VISIT))[0] == TOGETHER
    parts, refused = customers(facts_of(*VISIT, OBJECTION))
    assert parts == APART
    assert refused == [Refused(COOKIE, LOGIN, OBJECTED)]
    # What is seen from then on, and what is said in a log-in elsewhere, joins him no more.
    assert customers(facts_of(*VISIT, OBJECTION, (5, [COOKIE, LOGIN, MAIL]))) == (
        APART,
        [Refused(COOKIE, MAIL, OBJECTED), Refused(COOKIE, LOGIN, OBJECTED)],
    )
    assert customers(facts_of(*VISIT, OBJECTION, (5, [LOGIN], GRANTED)))[0] == APART


def test_he_is_joined_again_when_he_takes_it_back():
    away = (5, [COOKIE, LOGIN])
    assert customers(facts_of(*VISIT, OBJECTION, away, (6, [COOKIE], GRANTED))) == (TOGETHER, [])
    assert customers(facts_of(*VISIT, OBJECTION, away, (3, [COOKIE], GRANTED)))[0] == APART  # said before
    assert customers(facts_of(*VISIT, OBJECTION, away, (4, [COOKIE], GRANTED)))[0] == APART  # at once
    again = (7, [COOKIE], WITHDRAWN)
    assert customers(facts_of(*VISIT, OBJECTION, away, (6, [COOKIE], GRANTED), again))[0] == APART


def test_it_concerns_those_that_the_statement_names():
    lone = {frozenset({x}) for x in (COOKIE, LOGIN, MAIL)}
    assert customers(facts_of(*VISIT, (4, [LOGIN], WITHDRAWN)))[0] == lone
    assert customers(facts_of(*VISIT, (4, [MAIL], WITHDRAWN)))[0] == {
        frozenset({COOKIE, LOGIN}),
        frozenset({MAIL}),
    }
    assert customers(facts_of(*VISIT, (4, [COOKIE, LOGIN], WITHDRAWN)))[0] == lone


def test_no_steward_stands_above_it():
    facts = facts_of(*VISIT, OBJECTION)
    facts.add_decision(COOKIE, LOGIN, Verdict.MUST, 9, 9)
    assert customers(facts) == (APART, [Refused(COOKIE, LOGIN, OBJECTED)])


def test_a_sign_of_life_is_no_word():
    facts = facts_of(*VISIT, (4, [MAIL], WITHDRAWN))
    Observer(rulefile.parse(RULES)).tell(facts, [MAIL], "click", 9, may_fail=True)
    assert customers(facts)[0] == {frozenset({COOKIE, LOGIN}), frozenset({MAIL})}


def test_ids_go_with_their_keepers_and_come_back():
    view = MemoryView(rulefile.parse(RULES), MINTER)
    view.apply(facts_of(*VISIT))
    (before,) = view.all_customers
    view.publish(resolve(facts_of(*VISIT), rulefile.parse(RULES), minter=MINTER).publish())
    view.apply(facts_of(OBJECTION))
    apart = {customer.members: customer.id for customer in view.all_customers}
    assert apart[(MAIL, LOGIN)] == before.id  # the strongest keeps it
    assert apart[(COOKIE,)] != before.id
    view.apply(facts_of((5, [COOKIE, LOGIN])))
    assert {customer.members: customer.id for customer in view.all_customers} == apart
    view.apply(facts_of((6, [COOKIE], GRANTED)))
    assert view.all_customers == [before]


def test_rules_without_it_hear_nothing():
    plain = RULES.partition("joining:")[0]
    assert not facts_of(*VISIT, OBJECTION, ruled=plain).signs
    assert rulefile.parse(RULES).fingerprint != rulefile.parse(plain).fingerprint
    other = plain + "joining: {purpose: ' Joining '}"
    assert rulefile.parse(RULES).fingerprint == rulefile.parse(other).fingerprint


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("joining", "joining: must be a mapping"),
        ("{}", "joining.purpose: write a purpose of consent"),
        ("{purpose: [a]}", "joining.purpose: write a purpose of consent"),
        ("{purpose: '  '}", "joining.purpose: write a purpose of consent"),
        ("{purpose: a, channel: b}", "joining.channel: is no known key"),
    ],
)
def test_what_is_wrong_is_told(section, says):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"identifiers: {{email: {{rank: 1}}}}\njoining: {section}")
    (problem,) = caught.value.problems
    assert problem.startswith(says)
