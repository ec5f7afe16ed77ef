"""Codes for match keys: what they forgive, what they keep apart, and that they are idempotent."""

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from identity import Facts, Identifier, InvalidValueError, Observer, RuleError, rulefile
from identity.normalise import NAMES, PHONETIC, named

CODES = (*PHONETIC, "letters")

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1)
names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1)


@pytest.mark.parametrize("name", CODES)
@given(words)
def test_the_code_of_a_code_is_that_code(name, raw):
    try:
        code = named(name)(raw)
    except InvalidValueError:
        return
    assert code != "~"
    assert named(name)(code) == code


@pytest.mark.parametrize("name", CODES)
@given(st.lists(names, min_size=1, max_size=4))
def test_case_blanks_and_accents_do_not_count(name, parts):
    code = named(name)
    assert code(" ".join(parts)) == code("".join(parts).upper())
    assert code(parts[0].replace("e", "é")) == code(parts[0])


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("raw", ["", " ", "--", "!?"])
def test_what_says_nothing_has_no_code(name, raw):
    with pytest.raises(InvalidValueError, match="no letter and no digit"):
        named(name)(raw)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("metaphone", "Phillip", "Filip"),
        ("metaphone", "van der Berg", "Vanderberg"),
        ("metaphone", "Smith", "Smyth"),
        ("soundex", "Robert", "Rupert"),
        ("nysiis", "Knight", "Night"),
        ("match_rating", "Katherine", "Kathrine"),
        ("letters", "2324", "3224"),
        ("letters", "Wieloch", "wielcoh"),
        ("year", "1971-06-24", "19710524"),
    ],
)
def test_a_slip_does_not_change_the_code(name, one, other):
    assert named(name)(one) == named(name)(other)


def test_the_guide_shows_what_codes_do():
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` *\|.*\| `(.+)` (?:and `(.+)` are|is) `(.+)` \|$", page, re.MULTILINE)
    shown = {name: values for name, *values in rows}
    assert {*CODES, "year"} <= set(shown)
    for name in (*CODES, "year"):
        one, other, code = shown[name]
        assert {named(name)(one), named(name)(other or one)} == {code}


@pytest.mark.parametrize("name", PHONETIC)
def test_digits_and_other_scripts_stand_as_they_are(name):
    code = named(name)
    assert code("robert255") != code("robert256")
    assert code("Иван") != code("Ирина")
    assert code("h") != code("w")


@given(st.permutations("roberta25"), names)
def test_letters_forgive_order_and_nothing_else(shuffled, other):
    code = named("letters")
    assert code("".join(shuffled)) == code("roberta25")
    assume(sorted(other) != sorted("roberta25"))
    assert code(other) != code("roberta25")


@pytest.mark.parametrize("raw", ["24.06.1971", "71-06-24", "someday", "197106241"])
def test_a_year_stands_at_the_beginning_of_a_date(raw):
    with pytest.raises(InvalidValueError, match="such as 1971-06-24"):
        named("year")(raw)


@given(st.dates())
def test_a_date_has_its_year(date):
    assert int(named("year")(date.isoformat())) == date.year
    assert named("year")(named("year")(date.strftime("%4Y%m%d"))) == f"{date.year:04}"


KEYS = """
match_keys:
  person: {rank: 1, from: [surname: metaphone, born], block: ["Doe|1970-01-01"]}
  call:   {rank: 2, from: [surname: metaphone, tel: phone], region: GB}
"""


def keys(attributes):
    facts = Facts()
    Observer(rulefile.parse(KEYS)).observe(facts, {}, attributes, 0, 0)
    return facts


def test_each_part_of_a_key_has_its_normaliser():
    seen = set(keys({"surname": "Smyth", "born": "1990-01-31", "tel": "020 7946 0018"}).seen)
    assert seen == {Identifier("person", "~SM0|1990 01 31"), Identifier("call", "~SM0|+442079460018")}


def test_a_key_is_blocked_and_found_by_what_people_write():
    assert list(keys({"surname": "DOE", "born": "1970.01.01"}).quarantined.values()) == [
        "blocked: by the rule for person"
    ]
    observer = Observer(rulefile.parse(KEYS))
    for written in ("Smith|1990-01-31", "~SM0|1990 01 31"):
        assert observer.identify("person", written) == (Identifier("person", "~SM0|1990 01 31"), None)


def test_a_value_with_other_parts_is_no_such_key():
    _, fault = Observer(rulefile.parse(KEYS)).identify("person", "Smith")
    assert fault == "invalid: not a match key of 2 parts with | between them"


def test_rules_that_name_no_part_keep_their_fingerprint():
    plain, named_alike, other = (
        rulefile.parse(f"match_keys: {{p: {{rank: 1, from: [{part}, b]}}}}")
        for part in ("a", "a: text", "a: metaphone")
    )
    assert plain.fingerprint == named_alike.fingerprint == "dd67829189e69bd5"  # manifests name it
    assert other.fingerprint != plain.fingerprint


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("{a: sound}", f"match_keys.p.from[0].a: write one of {', '.join(NAMES)}"),
        ("{a: text, b: text}", "match_keys.p.from: write a list of attributes, such as [name.surname: "),
        ("{3: text}", "match_keys.p.from: write a list of attributes, such as [name.surname: "),
    ],
)
def test_a_part_that_cannot_be_read_is_told(part, told):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"match_keys: {{p: {{rank: 1, from: [{part}]}}}}", "r")
    assert caught.value.problems[0].startswith(told)
