"""Segments: what the file says, and who is in one, against the obvious code."""

from types import SimpleNamespace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import RuleError, rulefile
from identity.conditions import OUTCOMES
from identity.consent import Permission, Statement, merge, permission
from identity.facts import FUTURE, PAST
from identity.notation import DAY
from identity.profile import Value, merged
from identity.reference import permits
from identity.segments import Counted, counted, counting, segments
from schemas import Outcome

HEAD = """
identifiers: {login: {rank: 1}}
profile: {country: {}, spent: {rule: sum}, news: {type: bool}, born: {type: date}}
segments:
"""


def rules(*lines):
    return rulefile.parse(HEAD + "\n".join(f"  {line}" for line in lines))


def problem(line):
    with pytest.raises(RuleError) as caught:
        rules(line)
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a: {}", "segments.a: everybody would do"),
        ("a: {profile: {town: x}}", "segments.a.profile.town: is no attribute of 'profile'"),
        ("a: {profile: {country: {min: 3}}}", "segments.a.profile.country: write a value, 'known', or"),
        ("a: {profile: {spent: {min: many}}}", "segments.a.profile.spent.min: is no number"),
        ("a: {profile: {news: perhaps}}", "segments.a.profile.news: is neither true nor false"),
        ("a: {profile: {born: unknown}}", "segments.a.profile.born: stands for no value"),
        ('a: {profile: {country: "/[/"}}', "segments.a.profile.country: is a bad regular expression"),
        ("a: {profile: {spent: {known: true, min: 3}}}", "segments.a.profile.spent: 'known' stands alone"),
        ("a: {events: {web: {kind: x}}}", "segments.a.events: write a list"),
        ("a: {events: [{within: 3d}]}", "segments.a.events[0]: name what happens"),
        ("a: {events: [{web: {}}]}", "segments.a.events[0].web: every event would do"),
        ("a: {events: [{web: {kind: x}, min: 0}]}", "segments.a.events[0].min: any number would do"),
        ("a: {events: [{web: {kind: x}, min: 3, max: 2}]}", "segments.a.events[0].max: is less than 'min'"),
        (
            "a: {events: [{web: {kind: x}, min: 1000}]}",
            "segments.a.events[0].min: write a whole number below 1,000",
        ),
        (
            "a: {events: [{web: {kind: x}, within: 3}]}",
            "segments.a.events[0].within: write a whole number and",
        ),
        (
            "a: {events: [{email: {outcome: opened}}]}",
            "segments.a.events[0].email.outcome: opened is no outcome",
        ),
        ("a: {consents: {purpose: ads}}", "segments.a.consents: write a list, such as [{purpose: marketing"),
        ("a: {consents: [{}]}", "segments.a.consents[0].purpose: write a text, such as marketing"),
        ("a: {consents: [{purpose: ads, via: sms}]}", "segments.a.consents[0].via: is no known key"),
        (
            "a: {consents: [{purpose: ads, status: granted}]}",
            "segments.a.consents[0].status: write one of allowed, denied, unknown",
        ),
        ("a: {profile: {news: true}, unless: {}}", "segments.a.unless: everybody would do"),
        ("A b: {profile: {news: true}}", "segments.A b: name it with up to 64"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(line, says):
    assert says in problem(line)


def test_outcomes_are_those_of_events():
    assert get_args(Outcome) == OUTCOMES


def test_segments_are_part_of_the_fingerprint():
    one, two = "a: {profile: {news: true, country: GB}}", "a: {profile: {country: GB, news: true}}"
    assert rules(one).fingerprint == rules(two).fingerprint
    assert rules(one).fingerprint != rules("a: {profile: {news: false, country: GB}}").fingerprint


@pytest.mark.parametrize(
    ("condition", "values", "met"),
    [
        ("country: [gb, IE]", {"country": "GB"}, True),
        ("country: /^G/", {"country": "DE"}, False),
        ("country: GB", {}, False),
        ("country: {known: false}", {}, True),
        ("country: {known: false}", {"country": "GB"}, False),
        ("country: {known: true}", {"country": "GB"}, True),
        ("spent: {min: 100}", {"spent": "99.5"}, False),
        ("spent: {min: 100}", {"spent": "1000"}, True),
        ("spent: {min: 1, max: 3}", {"spent": "3"}, True),
        ("spent: {max: 3}", {}, False),
        ("spent: 3.0", {"spent": "3"}, True),
        ("born: {max: 1999-12-31}", {"born": "2000-01-01"}, False),
        ("news: true", {"news": "true"}, True),
        ("news: no", {"news": "true"}, False),
    ],
)
def test_conditions_on_the_profile(condition, values, met):
    found = rules(f"a: {{profile: {{{condition}}}}}")
    profile = {name: Value(value, "crm", 5) for name, value in values.items()}
    assert segments(found, profile, [], None) == (["a"] if met else [])


def test_all_conditions_have_to_be_met_and_unless_takes_out():
    found = rules(
        "a: {profile: {country: GB, news: true}, unless: {profile: {spent: {min: 9}, born: {known: true}}}}"
    )

    def member(**values):
        profile = {name: Value(value, "crm", 5) for name, value in values.items()}
        return segments(found, profile, [], None) == ["a"]

    assert member(country="GB", news="true")
    assert not member(country="GB")
    assert member(country="GB", news="true", spent="9")
    assert not member(country="GB", news="true", spent="9", born="1990-01-01")


def test_an_event_counts_where_it_says_what_is_asked():
    found = rules(
        "buyers: {events: [{web: {kind: purchase, properties: {shop: bath}}, email: {outcome: click}}]}",
        "cold:   {events: [{email: {outcome: [open, click]}, max: 0, within: 30d}]}",
    )
    web = SimpleNamespace(kind="purchase", site="", page="", properties={"shop": "Bath"})
    click = SimpleNamespace(outcome="click", campaign_id="", properties={})
    assert counted(found, "web", web) == ["#buyers.0"]
    assert counted(found, "email", click) == ["#buyers.0", "#cold.0"]
    assert counted(found, "web", SimpleNamespace(**{**vars(web), "properties": {}})) == []
    assert found.counted[1] == Counted("#cold.0", found.counted[1].said, 30 * DAY, 0, 0)


MAIL = Permission("ads", "email")
TO_MAIL = "{purpose: Ads, channel: email}"


@pytest.mark.parametrize(
    ("condition", "as_of", "met"),
    [
        (TO_MAIL, 4, False),  # not yet
        (TO_MAIL, 5, True),
        (TO_MAIL, 9, False),  # over
        ("{purpose: ads, channel: email, status: denied}", 9, True),
        (TO_MAIL, None, False),
        ("{purpose: ads, channel: sms}", 5, False),
        ("{purpose: ads, channel: sms, status: [unknown, denied]}", 5, True),
    ],
)
def test_conditions_on_consent_hold_at_a_moment(condition, as_of, met):
    found = rules(
        f"a: {{consents: [{condition}]}}",
        f"b: {{profile: {{country: {{known: false}}}}, unless: {{consents: [{condition}]}}}}",
    )
    said = [{}, {MAIL: Statement(1, withdrawn=False, valid_from=5, valid_until=9)}]
    assert found.asks_consent
    assert segments(found, {}, [], as_of, said) == (["a"] if met else ["b"])


def test_without_a_moment_what_has_an_end_is_not_over():
    found = rules(f"a: {{consents: [{TO_MAIL}]}}")
    granted = Statement(1, withdrawn=False, valid_until=9)
    assert segments(found, {}, [], None, [{MAIL: granted}]) == ["a"]
    assert segments(found, {}, [], None, [{MAIL: granted}, {MAIL: Statement(0, withdrawn=True)}]) == []


def test_segments_that_ask_no_consent_need_none():
    assert not rules("a: {profile: {news: true}}").asks_consent


statements = st.builds(
    Statement,
    at=st.integers(0, 9),
    withdrawn=st.booleans(),
    valid_from=st.sampled_from([PAST, 3]),
    valid_until=st.sampled_from([FUTURE, 6]),
)
permissions = st.builds(permission, st.sampled_from(["ads", "news"]), st.sampled_from(["", "email", "sms"]))


@given(
    said=st.lists(st.tuples(st.sampled_from("xyz"), permissions, statements), max_size=12),
    asked=permissions,
    status=st.sampled_from(["allowed", "denied", "unknown"]),
    as_of=st.integers(0, 9),
)
def test_claims_of_members_decide_as_all_statements_do(said, asked, status, as_of):
    words = [f"{name}: {word}" for name, word in asked._asdict().items() if word]
    found = rules(f"a: {{consents: [{{{', '.join(words)}, status: {status}}}]}}")
    members = {x: {} for x in "xyz"}
    for x, about, statement in said:
        members[x] = merge(members[x], {about: statement})
    expected = permits(said, "xyz", asked, as_of).status == status
    assert (segments(found, {}, [], as_of, members.values()) == ["a"]) == expected


@given(
    least=st.integers(0, 4),
    most=st.none() | st.integers(0, 4),
    within=st.none() | st.integers(1, 10),
    as_of=st.none() | st.integers(0, 20),
    events=st.dictionaries(
        st.integers(0, 30), st.tuples(st.integers(0, 20), st.sampled_from("xyz")), max_size=15
    ),
    data=st.data(),
)
def test_what_registers_keep_decides_as_all_events_do(least, most, within, as_of, events, data):
    if most is None:
        least = max(least, 1)
    condition = Counted("#a.0", (), within, least, most)
    found = rulefile.parse(HEAD + "  a: {events: [{web: {kind: x}}]}")
    segment = found.segments["a"]
    object.__setattr__(segment.when, "events", (condition,))
    members = {x: {} for x in "xyz"}
    arrivals = data.draw(st.permutations([*events.items()] * 2))
    for key, (at, x) in arrivals:
        for name, claim, _ in counting(["#a.0"], "web", str(key), at, 0):
            members[x] = merged(found, members[x], {name: (claim,)})
    assert all(len(some.get("#a.0", ())) <= condition.keep for some in members.values())
    since = None if within is None or as_of is None else as_of - within
    count = sum(since is None or at >= since for at, _ in events.values())
    expected = count >= least and (most is None or count <= most)
    assert (segments(found, {}, members.values(), as_of) == ["a"]) == expected
