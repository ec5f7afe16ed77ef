"""What the rules say of attributes, and what is a value of one."""

import pytest

from identity import InvalidValueError, RuleError, rulefile
from identity.attributes import MOST_CHARACTERS, AttributeRule
from identity.identifier import Identifier
from identity.profile import Claim, claims, strongest

HEAD = "identifiers: {login: {rank: 1}, email: {rank: 2}}\nprofile:\n"


def rules(*lines):
    return rulefile.parse(HEAD + "\n".join(f"  {line}" for line in lines))


def problem(line):
    with pytest.raises(RuleError) as caught:
        rules(line)
    (only,) = caught.value.problems
    return only


def test_rules_are_read_with_every_default():
    found = rules(
        "name.surname: {}",
        "spent: {rule: sum, sources: billing, personal: false}",
        'born: {rule: most_trusted, type: date, sources: [crm, web], min: "1900-01-01", max: 2026-12-31}',
        'country: {pattern: "[A-Z]{2}"}',
    ).profile
    assert found == {
        "name.surname": AttributeRule("name.surname"),
        "spent": AttributeRule("spent", "sum", "number", ("billing",), personal="none"),
        "born": AttributeRule(
            "born", "most_trusted", "date", ("crm", "web"), minimum="1900-01-01", maximum="2026-12-31"
        ),
        "country": AttributeRule("country", pattern="[A-Z]{2}"),
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x: {rule: latest}", "profile.x.rule: write one of newest, oldest, most_trusted, longest, sum, max"),
        ("x: {rule: sum, type: text}", "profile.x.type: 'rule: sum' needs one of number"),
        ("x: {rule: most_trusted}", "profile.x.sources: is missing"),
        ("x: {sources: [a, a]}", "profile.x.sources: names a source twice"),
        ('x: {pattern: "["}', "profile.x.pattern: is a bad regular expression"),
        ("x: {min: 3}", "profile.x.min: serves only the types number, date"),
        ("x: {type: number, min: three}", "profile.x.min: is no number"),
        ("x: {type: date, max: 2026-13-01}", "is not YAML"),
        ("x: {type: number, min: 3, max: 2}", "profile.x.min: is more than 'max'"),
        ("x: {personal: maybe}", "profile.x.personal: write one of none, pseudonymous, personal, special"),
        ("x: {kind: text}", "profile.x.kind: is no known key"),
        ('"a b": {}', "profile.a b: name it as events do"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(line, says):
    assert says in problem(line)


def test_only_what_is_used_changes_the_fingerprint():
    plain = rulefile.parse(HEAD.replace("profile:\n", ""))
    assert plain.fingerprint == rulefile.parse(HEAD + "  {}").fingerprint
    assert rules("x: {}").fingerprint not in {plain.fingerprint, rules("x: {rule: oldest}").fingerprint}


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        ("text", " Ann ", "Ann"),
        ("text", "unknown", None),
        ("number", "007.50", "7.5"),
        ("number", "0", "0"),
        ("number", "-0.0", "0"),
        ("number", "100", "100"),
        ("number", "n/a", None),
        ("bool", "Yes", "true"),
        ("bool", "0", "false"),
        ("bool", "", None),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "0000-00-00", None),
    ],
)
def test_a_value_has_one_spelling(type_, raw, value):
    assert AttributeRule("x", type=type_).read(raw) == value


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        (AttributeRule("x"), "a" * (MOST_CHARACTERS + 1)),
        (AttributeRule("x", type="number"), "1e5"),
        (AttributeRule("x", type="number"), "1234567890123456"),
        (AttributeRule("x", type="number"), "٣"),
        (AttributeRule("x", type="bool"), "perhaps"),
        (AttributeRule("x", type="date"), "2026-02-29"),
        (AttributeRule("x", type="date"), "2026-1-31"),
        (AttributeRule("x", pattern="[A-Z]{2}"), "GBR"),
        (AttributeRule("x", type="number", minimum="3"), "2.9"),
        (AttributeRule("x", type="date", maximum="2026-01-31"), "2026-02-01"),
    ],
)
def test_what_is_no_value_is_told_without_quoting_it(rule, raw):
    with pytest.raises(InvalidValueError) as caught:
        rule.read(raw)
    assert raw not in str(caught.value)


def test_an_event_claims_what_the_rules_take_from_its_source():
    found = rules("a: {}", "b: {sources: crm}", "c: {type: number}", "d: {}")
    said = {"a": " x ", "b": "y", "c": "no number", "d": "null", "other": "z"}
    good, bad = claims(found, said, "web", "e1", 5, 7)
    assert good == ("a", Claim(5, "x", "web", "e1", 7), None)
    assert bad[:2] == ("c", Claim(5, "", "web", "e1", 7))
    assert bad.fault == "is no number of up to 15 digits and 6 decimals"


def test_the_strongest_identifier_claims():
    found = rules("a: {}")
    ann, mails = (
        Identifier("login", "ann"),
        [Identifier("email", name) for name in ("b@x.example", "a@x.example")],
    )
    assert strongest([*mails, ann], found) == ann
    assert strongest(mails, found) == mails[1]
    assert strongest([], found) is None
