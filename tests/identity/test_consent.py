"""Consent: the laws of claims, and a customer's standing against the obvious reference."""

from unittest import mock

from hypothesis import event, given
from hypothesis import strategies as st

from identity import Identifier, consent
from identity.consent import (
    Permission,
    Standing,
    Statement,
    changes,
    claim,
    kept,
    merge,
    permission,
    standing,
)
from identity.reference import permits
from tests.identity.strategies import permissions, statements, words

said = st.lists(st.tuples(permissions, statements), max_size=12)
ADS, MAIL = Permission("ads"), Permission("ads", "email")
ALLOWED, WITHDRAWN = Standing("allowed", "granted"), Standing("denied", "withdrawn")


def claims_of(history):
    claims = {}
    for about, statement in history:
        claim(claims, about, statement)
    return kept(claims)


@given(said, said, said)
def test_claims_merge_as_facts_do(a, b, c):
    for most in (2, consent.MOST):
        with mock.patch.object(consent, "MOST", most):
            x, y, z = map(claims_of, (a, b, c))
            assert merge(x, y) == merge(y, x)
            assert merge(merge(x, y), z) == merge(x, merge(y, z))
            assert merge(x, x) == x
            assert merge(x, y) == claims_of(a + b)
            assert len(merge(x, y)) <= most


@given(said, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(history, random):
    again = history + random.choices(history, k=3) if history else []
    random.shuffle(again)
    assert claims_of(again) == claims_of(history)


@given(
    st.lists(words, max_size=15), st.sets(words.map(lambda word: word[0])), permissions, st.integers(0, 10)
)
def test_a_standing_is_what_the_reference_says(log, members, asked, at):
    claims = {x: claims_of([(about, word) for y, about, word in log if y == x]) for x in members}
    expected = permits(log, members, asked, at)
    event(expected.reason)
    assert standing(claims.values(), asked, at) == expected


@given(st.lists(said.map(claims_of), max_size=3), st.lists(said.map(claims_of), max_size=3), permissions)
def test_a_merge_permits_nothing_that_either_withdrew(one, other, asked):
    both = standing(one + other, asked, 7)
    for part in (one, other):
        if standing(part, asked, 7) == WITHDRAWN:
            assert both == WITHDRAWN
    if both.status == "allowed":
        assert "allowed" in {standing(part, asked, 7).status for part in (one, other)}


def given_at(at, **more):
    return Statement(at=at, withdrawn=False, **more)


def withdrawn_at(at):
    return Statement(at=at, withdrawn=True)


def test_who_said_nothing_permits_nothing():
    assert standing([], ADS, 5) == standing([{}], ADS, 5) == Standing("unknown", "nothing_stated")
    assert standing([{ADS: given_at(1)}], Permission("profiling"), 5).status == "unknown"


def test_a_newer_grant_lifts_ones_own_withdrawal_and_nobody_elses():
    tom = claims_of([(ADS, withdrawn_at(1)), (ADS, given_at(2))])
    assert standing([tom], ADS, 5) == ALLOWED
    assert standing([tom, {ADS: withdrawn_at(1)}], ADS, 5) == WITHDRAWN
    # Said of both at once, as of all identifiers of an event, it lifts both.
    assert standing([tom, claims_of([(ADS, withdrawn_at(1)), (ADS, given_at(3))])], ADS, 5) == ALLOWED


def test_of_two_words_at_one_moment_the_more_restrictive_holds():
    for words_ in ((given_at(1), withdrawn_at(1)), (withdrawn_at(1), given_at(1))):
        assert standing([claims_of([(ADS, word) for word in words_])], ADS, 5) == WITHDRAWN
    short, long = given_at(1, valid_until=3), given_at(1)
    assert standing([claims_of([(ADS, short), (ADS, long)])], ADS, 5) == Standing("denied", "expired")


def test_a_grant_of_all_channels_covers_each_and_a_withdrawal_of_one_touches_all():
    assert standing([{ADS: given_at(1)}], MAIL, 5) == ALLOWED
    assert standing([{MAIL: given_at(1)}], ADS, 5).status == "unknown"
    assert standing([{ADS: given_at(1), MAIL: withdrawn_at(2)}], ADS, 5) == WITHDRAWN
    assert standing([{ADS: given_at(1), MAIL: withdrawn_at(2)}], Permission("ads", "sms"), 5) == ALLOWED
    # What is said later of all channels is said of each.
    assert standing([{MAIL: given_at(1), ADS: withdrawn_at(2)}], MAIL, 5) == WITHDRAWN
    assert standing([{MAIL: withdrawn_at(1), ADS: given_at(2)}], MAIL, 5) == ALLOWED


def test_a_grant_holds_from_its_beginning_to_before_its_end():
    claims = {ADS: given_at(1, valid_from=3, valid_until=6)}
    found = [standing([claims], ADS, at) for at in (2, 3, 5, 6)]
    allowed = Standing("allowed", "granted", 6)
    assert found == [Standing("denied", "not_yet", 3), allowed, allowed, Standing("denied", "expired")]


def test_of_several_members_the_newest_grant_says_until_when():
    old, new = {ADS: given_at(1, valid_until=4)}, {ADS: given_at(2)}
    assert standing([old, new], ADS, 5) == ALLOWED
    old, new = {ADS: given_at(1)}, {ADS: given_at(2, valid_until=4)}
    assert standing([old, new], ADS, 5) == Standing("denied", "expired")


def test_a_permission_is_the_same_in_any_case():
    assert permission(" Ads", "EMAIL", "", "en-GB ") == Permission("ads", "email", "", "en-gb")


def test_a_history_tells_changes():
    history = [
        (ADS, given_at(3)),
        (ADS, given_at(1)),
        (MAIL, given_at(2)),
        (ADS, withdrawn_at(5)),
        (ADS, given_at(6)),
    ]
    assert [statement.at for _, statement in changes(history)] == [1, 2, 5, 6]


def test_who_is_asked_of_is_no_part_of_it():
    tom = Identifier("login", "tom")
    log = [(tom, ADS, given_at(1)), (Identifier("login", "ann"), ADS, withdrawn_at(2))]
    assert permits(log, [tom], ADS, 5) == ALLOWED
