"""Registers and profiles, against the obvious code: keep every claim, decide at the end."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import profile as profiles
from identity.attributes import RULES, AttributeRule
from identity.profile import Claim, Value, merged, profile, register
from identity.rules import Rules, TypeRule

SOURCES = ("crm", "web", "self_service")
VALUES = {
    "text": st.sampled_from(["a", "b", "ab", "abc"]),
    "number": st.sampled_from(["1", "2.5", "-3", "0"]),
    "bool": st.sampled_from(["true", "false"]),
    "date": st.sampled_from(["2026-01-31", "2025-12-01"]),
}
PAIRS = [(rule, type_) for rule, types in RULES.items() for type_ in types]


def attribute(rule, type_, name="it"):
    return AttributeRule(name, rule, type_, SOURCES if rule == "most_trusted" else ())


@st.composite
def claim_lists(draw, type_, prefix=""):
    """Claims such as logs have them: the same record always says the same, but may come again later."""
    records = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(SOURCES), st.sampled_from("rstuv").map(prefix.__add__)),
            st.tuples(st.integers(0, 4), VALUES[type_]),
            max_size=6,
        )
    )
    said = [Claim(at, value, *where, 0) for where, (at, value) in records.items()]
    times = draw(st.lists(st.tuples(st.sampled_from(said), st.integers(0, 9)), max_size=12)) if said else []
    return [claim._replace(ingested_at=at) for claim, at in times]


def obvious(rule, some):
    """The value of all claims, each record's once; None of none."""
    some = {(claim.source, claim.key): claim for claim in some}.values()
    if not some:
        return None
    if rule.rule == "sum":
        total = sum(Decimal(claim.value) for claim in some)
        newest = max(claim.at for claim in some)
        return Value(profiles.plain(total), ", ".join(sorted({claim.source for claim in some})), newest)
    last = sorted(some, key=lambda claim: (claim.at, claim.value, claim.source, claim.key))
    if rule.rule == "most_trusted":
        (trusted,) = [source for source in SOURCES if source in {claim.source for claim in some}][:1]
        last = [claim for claim in last if claim.source == trusted]
    elif rule.rule == "oldest":
        first = min(claim.at for claim in last)
        last = [claim for claim in last if claim.at == first]
    elif rule.rule == "longest":
        longest = max(len(claim.value) for claim in last)
        last = [claim for claim in last if len(claim.value) == longest]
    elif rule.rule in {"max", "min"}:
        key = (lambda claim: claim.value) if rule.type == "date" else (lambda claim: float(claim.value))
        wanted = (max if rule.rule == "max" else min)(map(key, last))
        last = [claim for claim in last if key(claim) == wanted]
    elif rule.rule in {"any_true", "all_true"}:
        decisive = "true" if rule.rule == "any_true" else "false"
        last = [claim for claim in last if claim.value == decisive] or last
    return Value(last[-1].value, last[-1].source, last[-1].at)


@given(st.sampled_from(PAIRS), st.data())
def test_order_duplicates_and_batches_change_nothing(pair, data):
    rule, type_ = pair
    rule = attribute(rule, type_)
    some = data.draw(claim_lists(type_))
    whole = register(rule, some)
    assert register(rule, data.draw(st.permutations([*some, *some]))) == whole
    cut, second = sorted(data.draw(st.tuples(st.integers(0, len(some)), st.integers(0, len(some)))))
    parts = [register(rule, part) for part in (some[:cut], some[cut:second], some[second:])]
    assert register(rule, [*register(rule, parts[0] + parts[1]), *parts[2]]) == whole
    assert register(rule, [*parts[2], *register(rule, parts[1] + parts[0])]) == whole
    assert register(rule, whole + whole) == whole


@given(st.sampled_from(PAIRS), st.data())
def test_a_customers_value_is_that_of_all_claims(pair, data):
    rule, type_ = pair
    rules = Rules({"login": TypeRule("login", 1)}, profile={"it": attribute(rule, type_)})
    # An event's claims belong to one identifier, so no two members have one of the same record.
    members = [data.draw(claim_lists(type_, prefix)) for prefix in "xyz"]
    found = profile(rules, [merged(rules, {"it": tuple(some)}) for some in members])
    expected = obvious(rules.profile["it"], [claim for some in members for claim in some])
    assert found == ({} if expected is None else {"it": expected})


@given(data=st.data())
def test_a_sum_is_bounded_and_stays_a_semilattice(data):
    rule = attribute("sum", "number")
    some = data.draw(
        st.lists(
            st.builds(
                Claim,
                st.integers(0, 9),
                VALUES["number"],
                st.just("web"),
                st.sampled_from("abcdefg"),
                st.just(0),
            ),
            max_size=12,
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiles, "MOST_SUMMED", 3)
        whole = register(rule, some)
        assert len(whole) == min(3, len({claim.key for claim in some}))
        cut = data.draw(st.integers(0, len(some)))
        assert register(rule, register(rule, some[cut:]) + register(rule, some[:cut])) == whole


def test_what_was_taken_in_first_is_when_it_was_taken_in():
    late, early = Claim(5, "a", "web", "e1", 9), Claim(5, "a", "web", "e1", 7)
    rule = attribute("newest", "text")
    assert register(rule, [late, early]) == register(rule, [early, late]) == (early,)
