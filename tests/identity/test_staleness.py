"""Stale addresses: signs against the plain list of what happened, and the cases that the guide tells of."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import Facts, Identifier, Observer, RuleError, Verdict, resolve, rulefile
from identity.facts import MOST_FAILURES, NO_SIGNS, Signs
from identity.staleness import StaleRule
from tests.identity.strategies import MINTER, OUTCOMES, signs_of

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 5}
stale:
  email: {after: {hard_bounce: 1, soft_bounce: 2}, revived_by: [click, login]}
"""
MAIL, ANN, BOB = Identifier("email", "m"), Identifier("login", "ann"), Identifier("login", "bob")

happenings = st.lists(st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 12)), max_size=MOST_FAILURES)
rules = st.builds(
    StaleRule,
    st.dictionaries(st.sampled_from(OUTCOMES[:2]), st.integers(1, 3), min_size=1),
    st.just(("click",)),
)


def merged(happened):
    return reduce(Signs.merge, (signs_of(*each) for each in happened), NO_SIGNS)


@given(rules, happenings)
def test_an_identifier_is_stale_since_enough_failures_after_its_last_sign_of_life(rule, happened):
    revived = max((at for kind, at in happened if kind == "click"), default=-1)
    began = []
    for kind, count in rule.after.items():
        times = sorted({at for of, at in happened if of == kind and at > revived})
        began += times[count - 1 : count]
    assert rule.since(merged(happened)) == min(began, default=None)


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 99))), st.data())
def test_signs_merge_in_any_order_and_stay_small(happened, data):
    whole = merged(happened)
    assert merged(data.draw(st.permutations(happened))) == whole
    cut = data.draw(st.integers(0, len(happened)))
    one, other = merged(happened[:cut]), merged(happened[cut:])
    assert one.merge(other) == other.merge(one) == whole.merge(one) == whole
    for kind in OUTCOMES:
        assert sum(failure.kind == kind for failure in whole.failures) <= MOST_FAILURES


def customers(*events, decided=()):
    """Who is with the address, after events of (kind or outcome, time, identifiers)."""
    parsed = rulefile.parse(RULES)
    facts, observer = Facts(), Observer(parsed)
    for kind, at, *together in events:
        facts.add_sighting(together, at, at)
        observer.tell(facts, together, kind, at, may_fail=kind.endswith("bounce"))
    for verdict, at, *ends in decided:
        facts.add_decision(*ends, verdict, at, at)
    (found,) = (c for c in resolve(facts, parsed, minter=MINTER).customers if MAIL in c.members)
    return {*found.members} - {MAIL}


def test_a_stale_address_keeps_what_it_had_and_links_nobody_new():
    before, bounce = ("page_view", 1, MAIL, ANN), ("hard_bounce", 2, MAIL)
    after = ("page_view", 3, MAIL, BOB)
    assert customers(before, after) == {BOB}
    assert customers(before, bounce, after) == {ANN}
    assert customers(bounce, after) == set()


def test_a_sign_of_life_revives_it_with_all_that_was_seen_meanwhile():
    seen = [("page_view", 1, MAIL, ANN), ("hard_bounce", 2, MAIL), ("page_view", 3, MAIL, BOB)]
    assert customers(*seen, ("click", 4, MAIL)) == {BOB}
    assert customers(*seen, ("login", 4, MAIL)) == {BOB}
    assert customers(*seen, ("click", 1, MAIL)) == {ANN}  # older than the bounce
    assert customers(*seen, ("click", 4, MAIL), ("hard_bounce", 5, MAIL)) == {BOB}  # known before it


def test_soft_bounces_are_counted_from_the_last_sign_of_life_on():
    seen = [("page_view", 1, MAIL, ANN), ("soft_bounce", 2, MAIL), ("page_view", 9, MAIL, BOB)]
    assert customers(*seen) == {BOB}
    assert customers(*seen, ("soft_bounce", 4, MAIL)) == {ANN}
    assert customers(*seen, ("click", 3, MAIL), ("soft_bounce", 4, MAIL)) == {BOB}
    assert customers(*seen, ("soft_bounce", 2, MAIL)) == {BOB}  # delivered twice


def test_a_steward_stands_above_it():
    seen = [("hard_bounce", 2, MAIL), ("page_view", 3, MAIL, BOB)]
    assert customers(*seen, decided=[(Verdict.MUST, 4, MAIL, BOB)]) == {BOB}


def test_a_web_event_makes_nobody_stale():
    observer, facts = Observer(rulefile.parse(RULES)), Facts()
    observer.tell(facts, [MAIL, ANN], "hard_bounce", 1, may_fail=False)
    observer.tell(facts, [ANN], "hard_bounce", 1, may_fail=True)  # no address
    assert not facts.signs


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("[]", "stale: must be a mapping"),
        (
            "{fax: {after: {hard_bounce: 1}, revived_by: click}}",
            "stale.fax: is no identifier type: use one of",
        ),
        ("{email: {revived_by: click}}", "stale.email.after: is missing: write how often it takes, such as"),
        ("{email: {after: {hard_bounce: 1}}}", "stale.email.revived_by: is missing: name signs of life"),
        ("{email: {after: {bounce: 1}, revived_by: click}}", "stale.email.after.bounce: is no known key"),
        (
            "{email: {after: {hard_bounce: 17}, revived_by: click}}",
            "stale.email.after.hard_bounce: write a whole number from 1 to 16",
        ),
        (
            "{email: {after: {complaint: 1}, revived_by: [complaint]}}",
            "stale.email.revived_by: complaint is also under 'after': keep one",
        ),
        (
            "{email: {after: {hard_bounce: 1}, revived_by: click, certainty: 2}}",
            "stale.email.certainty: write a share, such as",
        ),
    ],
)
def test_what_is_wrong_is_told(section, told):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"identifiers: {{email: {{rank: 1}}}}\nstale: {section}")
    (problem,) = caught.value.problems
    assert problem.startswith(told)


def test_rules_without_it_are_named_as_before():
    plain = RULES.partition("stale:")[0]
    assert rulefile.parse(plain + "stale: {}").fingerprint == rulefile.parse(plain).fingerprint
    assert rulefile.parse(RULES).fingerprint != rulefile.parse(plain).fingerprint
