"""How personal data is: what configuration says, and what is assumed."""

import pytest

from identity import RuleError, rulefile
from identity.personal import CLASSES, of_attribute, of_identifier

RULES = rulefile.parse("""
identifiers:
  login:   {rank: 1}
  email:   {rank: 2, normalise: email}
  payroll: {rank: 3, personal: special}
match_keys:
  person: {rank: 4, from: [surname, born]}
profile:
  surname: {}
  shop:    {personal: false}
  health:  {personal: special}
""")


@pytest.mark.parametrize(
    ("type_", "said", "found"),
    [
        ("login", None, ("pseudonymous", True)),
        ("email", None, ("personal", True)),
        ("person", None, ("personal", True)),
        ("unheard_of", None, ("personal", True)),
        ("payroll", None, ("special", False)),
        ("payroll", "personal", ("special", False)),
        ("login", "personal", ("personal", False)),
        ("email", "none", ("none", False)),
    ],
)
def test_the_strictest_that_is_said_of_an_identifier_holds(type_, said, found):
    assert of_identifier(RULES, type_, said) == found


@pytest.mark.parametrize(
    ("name", "said", "found"),
    [
        ("surname", None, ("personal", True)),
        ("surname", "none", ("none", False)),
        ("shop", None, ("none", False)),
        ("shop", "pseudonymous", ("pseudonymous", False)),
        ("health", "none", ("special", False)),
        ("unheard_of", None, ("personal", True)),
    ],
)
def test_and_of_an_attribute(name, said, found):
    assert of_attribute(RULES, name, said) == found


@pytest.mark.parametrize("section", ["identifiers: {a: {rank: 1, %s}}", "profile: {a: {%s}}"])
def test_an_unknown_class_is_told_with_those_there_are(section):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"identifiers: {{b: {{rank: 1}}}}\n{section % 'personal: secret'}".split("\n")[-1])
    assert any(
        problem.endswith(f"a.personal: write one of {', '.join(CLASSES)}")
        for problem in caught.value.problems
    )


def test_to_class_data_anew_is_no_change_of_meaning():
    plain, classed = (
        rulefile.parse(f"identifiers: {{a: {{rank: 1{more}}}}}\nprofile: {{b: {{type: date{more}}}}}")
        for more in ("", ", personal: special")
    )
    assert plain != classed
    assert plain.fingerprint == classed.fingerprint
