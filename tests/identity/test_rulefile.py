"""A rule file is good, or every problem in it is told at once: where it is and what to write instead."""

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import RuleError, rulefile
from identity.notation import DAY
from identity.rules import CONSENT, ConsentRule, TypeRule

GUIDE = dedent("""\
    version: 1
    unknown_identifiers: ignore
    identifiers:
      login:  {rank: 1, unique: true, certainty: 1.0}
      email:  {rank: 3, normalise: email, max: 5, max_age: 365d, block: [" Test@Test.com ", "/^guest_/i"]}
      phone:  {rank: 4, normalise: phone, region: GB}
      cookie: {rank: 9, max: 50, max_age: 390 d, when_shared: oldest, hot: 20, certainty: 0.6}
    match_keys:
      person: {rank: 8, from: [name.surname, date_of_birth], hot: 10}
    """)


def problems(text):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(dedent(text), source="rules.yaml")
    told = caught.value.problems
    # What is printed names the file on every line.
    assert str(caught.value).splitlines() == [f"rules.yaml: {problem}" for problem in told]
    return told


def problem(text):
    (only,) = problems(text)
    return only


def rule(entry):
    return rulefile.parse(f"identifiers: {{a: {{{entry}}}}}").types["a"]


def test_a_file_is_read_with_every_default():
    rules = rulefile.parse(GUIDE)
    assert rules.ignore_unknown
    assert rules.types == {
        "login": TypeRule("login", rank=1, max=1),
        "email": TypeRule(
            "email",
            rank=3,
            max=5,
            normalise="email",
            max_age=365 * DAY,
            block=("/^guest_/i", "test@test.com"),
        ),
        "phone": TypeRule("phone", rank=4, normalise="phone", region="GB"),
        "cookie": TypeRule(
            "cookie", rank=9, max=50, max_age=390 * DAY, when_shared="oldest", hot=20, certainty=0.6
        ),
        "person": TypeRule(
            "person", rank=8, normalise="text", hot=10, made_from=("name.surname", "date_of_birth")
        ),
    }
    assert [key.name for key in rules.match_keys] == ["person"]


def test_a_file_of_one_type_is_enough():
    rules = rulefile.parse("identifiers: {login: {rank: 1}}")
    assert rules.types == {"login": TypeRule("login", rank=1, max=100)}
    assert not rules.ignore_unknown


@pytest.mark.parametrize(
    ("age", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_an_age_has_a_unit(age, seconds):
    assert rule(f"rank: 1, max_age: {age}").max_age == seconds * 1_000_000


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("max: 2", "identifiers.a.rank: is missing: write 1 for the strongest type"),
        ("rank: 0", "identifiers.a.rank: write a whole number from 1 to 1000000"),
        ("rank: true", "identifiers.a.rank: write a whole number from 1 to 1000000"),
        ("rank: '1'", "identifiers.a.rank: write a whole number from 1 to 1000000"),
        ("rank: 1, max: -1", "identifiers.a.max: write a whole number from 1 to 1000000"),
        ("rank: 1, max: 2.5", "identifiers.a.max: write a whole number from 1 to 1000000"),
        ("rank: 1, hot: many", "identifiers.a.hot: write a whole number from 1 to 1000000"),
        ("rank: 1, unique: 1", "identifiers.a.unique: write true or false"),
        ("rank: 1, unique: true, max: 5", "identifiers.a: 'unique: true' means 'max: 1': remove 'unique'"),
        ("rank: 1, certainty: 1.5", "identifiers.a.certainty: write a number from 0 to 1"),
        ("rank: 1, certainty: .nan", "identifiers.a.certainty: write a number from 0 to 1"),
        ("rank: 1, certainty: true", "identifiers.a.certainty: write a number from 0 to 1"),
        ("rank: 1, when_shared: latest", "identifiers.a.when_shared: write one of newest, oldest, nobody"),
        ("rank: 1, normalise: mail", "identifiers.a.normalise: write one of none, email, phone, text"),
        ("rank: 1, normalise: [email]", "identifiers.a.normalise: write one of none, email, phone, text"),
        ("rank: 1, region: GB", "identifiers.a.region: only serves 'normalise: phone': remove one or add"),
        ("rank: 1, normalise: phone, region: UK", "identifiers.a.region: write a country's two-letter code"),
        ("rank: 1, normalise: phone, region: NO", "identifiers.a.region: write a country's two-letter code"),
        ("rank: 1, max_age: 365", "identifiers.a.max_age: write a whole number and a unit (s, m, h, d, w)"),
        ("rank: 1, max_age: 1y", "identifiers.a.max_age: write a whole number and a unit (s, m, h, d, w)"),
        ("rank: 1, max_age: 0d", "identifiers.a.max_age: write a whole number and a unit (s, m, h, d, w)"),
        ("rank: 1, block: x@y.z", "identifiers.a.block: write a list, such as"),
        ("rank: 1, block: [ok, 0]", "identifiers.a.block[1]: write text, in quotes where YAML reads"),
        ("rank: 1, block: [ok, '/(/']", "identifiers.a.block[1]: is a bad regular expression (missing ),"),
        ("rank: 1, normalize: email", "identifiers.a.normalize: is no known key; did you mean 'normalise'?"),
        ("rank: 1, Max: 3", "identifiers.a.Max: is no known key; did you mean 'max'?"),
        ("rank: 1, zzz: 3", "identifiers.a.zzz: is no known key; known here: rank, unique, max,"),
        ("rank: 1, from: [name]", "identifiers.a.from: is no known key"),
        ("rank: 1, 7: 3", "identifiers.a.7: is no known key; known here: rank, unique, max,"),
    ],
)
def test_a_wrong_entry_is_told_with_its_path_and_remedy(entry, told):
    assert problem(f"identifiers: {{a: {{{entry}}}}}").startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("identifiers: [a, b]", "identifiers: must be a mapping of 'key: value'"),
        ("identifiers: {a: {rank: 1}, b: 5}", "identifiers.b: must be a mapping of 'key: value'"),
        ("identifiers: {a: {rank: 1}}\nmatch_keys: []", "match_keys: must be a mapping of 'key: value'"),
        ("identifiers: {}", "identifiers: name at least one type, such as"),
        ("version: 2\nidentifiers: {a: {rank: 1}}", "version: only version 1 is known: write 1"),
        ("identifers: {a: {rank: 1}}", "identifers: is no known key; did you mean 'identifiers'?"),
        (
            "unknown_identifiers: drop\nidentifiers: {a: {rank: 1}}",
            "unknown_identifiers: write one of error, ignore",
        ),
        ("identifiers: {a: {rank: 1}, 'b c': {rank: 2}}", "identifiers.b c: a type is named by 1 to 64"),
        ("identifiers: {a: {rank: 1}, 7: {rank: 2}}", "identifiers.7: a type is named by 1 to 64 letters"),
        (
            "identifiers: {a: {rank: 1}}\nmatch_keys: {a: {rank: 2, from: [name]}}",
            "match_keys.a: is also under 'identifiers': name the match key differently",
        ),
        (
            "identifiers: {a: {rank: 1}}\nmatch_keys: {p: {rank: 2}}",
            "match_keys.p.from: write a list of attributes, such as",
        ),
        (
            "identifiers: {a: {rank: 1}}\nmatch_keys: {p: {rank: 2, from: name}}",
            "match_keys.p.from: write a list of attributes, such as",
        ),
        (
            "identifiers: {a: {rank: 1}}\nmatch_keys: {p: {rank: 2, from: [name, 3]}}",
            "match_keys.p.from: write a list of attributes, such as",
        ),
    ],
)
def test_a_wrong_section_is_told(text, told):
    assert any(line.startswith(told) for line in problems(text))


@pytest.mark.parametrize("text", ["", "\n# nothing but a comment\n", "- a\n- b", "just words", "null"])
def test_a_file_that_holds_no_mapping(text):
    assert problems(text)[0] == "the file: must be a mapping of 'key: value'"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("identifiers: {a: {rank: 1}", "is not YAML: while parsing a flow mapping"),
        ("identifiers: {a: {rank: 1, rank: 2}}", "is not YAML: rank is written twice: keep one"),
        ("identifiers: {a: {rank: 1}, b: {rank: 2}, a: {rank: 3}}", "is not YAML: a is written twice"),
        ("version: 1\nidentifiers: {a: {rank: 1}}\nversion: 1", "is not YAML: version is written twice"),
        ("identifiers: {a: {rank: 1}}\n---\n{}", "is not YAML: expected a single document"),
        ("identifiers: {a: !!python/name:os.system {}}", "is not YAML: could not determine a constructor"),
        ("a: \0", "is not YAML: unacceptable character"),
    ],
)
def test_what_is_not_yaml(text, told):
    line = problem(text)
    assert line.startswith(told)
    assert "line " in line or "position " in line


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    told = problems("""
        versoin: 1
        identifiers:
          login: {unique: true, max: 5}
          email: {rank: 2, block: ["/[/", 5]}
        match_keys:
          login: {rank: 3, from: [name]}
        """)
    assert [line.split(":")[0] for line in told] == [
        "versoin",
        "identifiers.login.rank",
        "identifiers.login",
        "identifiers.email.block[0]",
        "identifiers.email.block[1]",
        "match_keys.login",
    ]


def test_a_file_is_loaded_by_its_path(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(GUIDE, encoding="utf-8")
    assert rulefile.load(file) == rulefile.parse(GUIDE)


def test_errors_of_a_loaded_file_name_it(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("identifiers: {a: {rank: x}}", encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        rulefile.load(file)
    assert str(caught.value) == f"{file}: identifiers.a.rank: write a whole number from 1 to 1000000"
    assert caught.value.source == str(file)


def test_a_file_that_is_not_utf8(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_bytes("identifiers: {prénom: {rank: 1}}".encode("latin-1"))
    with pytest.raises(RuleError, match="cannot be read: 'utf-8' codec can't decode"):
        rulefile.load(file)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(RuleError, match=r"nowhere\.yaml: cannot be read: .*No such file"):
        rulefile.load(tmp_path / "nowhere.yaml")


def test_the_rules_that_come_with_the_project_are_good():
    files = sorted((Path(__file__).parents[2] / "deploy").rglob("rules.yaml"))
    assert files
    for file in files:
        rulefile.load(file)


@given(st.permutations(GUIDE.splitlines()[3:7]), st.permutations(["rank: 1", "max: 3", "hot: 4"]))
def test_the_fingerprint_does_not_depend_on_the_order_of_keys(lines, entry):
    shuffled = "\n".join(["version: 1", "identifiers:", *lines])
    plain = "\n".join(["identifiers:", *GUIDE.splitlines()[3:7]])
    assert rulefile.parse(shuffled).fingerprint == rulefile.parse(plain).fingerprint
    entries = (", ".join(entry), "hot: 4, max: 3, rank: 1")
    assert len({rulefile.parse(f"identifiers: {{a: {{{e}}}}}").fingerprint for e in entries}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rank: 1, unique: true", "rank: 1, max: 1"),
        ("rank: 1", "rank: 1, max: 100, normalise: none, when_shared: newest, certainty: 1, block: []"),
        ("rank: 1, max_age: 1w", "rank: 1, max_age: 7d"),
    ],
)
def test_the_fingerprint_is_that_of_the_meaning(one, other):
    assert rule(one) == rule(other)
    texts = [f"identifiers: {{a: {{{entry}}}}}" for entry in (one, other)]
    assert len({rulefile.parse(text).fingerprint for text in texts}) == 1


def test_every_change_of_meaning_changes_the_fingerprint():
    base = "rank: 1, normalise: phone"
    added = (
        *("max: 3", "unique: true", "region: GB", "region: DE", "max_age: 1d", "when_shared: nobody"),
        *("hot: 5", "certainty: 0.5", "block: ['/1/']", "block: ['/1/i']"),
    )
    changed = [base, "rank: 2, normalise: phone", "rank: 1", *(f"{base}, {key}" for key in added)]
    texts = [f"identifiers: {{a: {{{entry}}}}}" for entry in changed]
    texts.append(f"identifiers: {{b: {{{base}}}}}")
    texts.append(f"unknown_identifiers: ignore\n{texts[0]}")
    texts.append(f"{texts[0]}\nmatch_keys: {{p: {{rank: 2, from: [x, y]}}}}")
    texts.append(f"{texts[0]}\nmatch_keys: {{p: {{rank: 2, from: [y, x]}}}}")
    prints = [rulefile.parse(text).fingerprint for text in texts]
    assert len(set(prints)) == len(texts)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("rank: null", "identifiers.a.rank: is missing"),
        ("rank: 1, max: null", "identifiers.a.max: write a whole number"),
        ("rank: 1, hot: null", "identifiers.a.hot: write a whole number"),
        ("rank: 1, unique: true, max: true", "identifiers.a.max: write a whole number"),
        ("rank: 99999999999999999999999", "identifiers.a.rank: write a whole number"),
        ("rank: 1, max_age: 99999999999d", "identifiers.a.max_age: write a whole number and a unit"),
        ("rank: 1, normalise: phone, region: [GB]", "identifiers.a.region: write a country's"),
        ("rank: 1, block: ['//']", "identifiers.a.block[0]: begins like a regular expression"),
        ("rank: 1, block: ['/x/gi']", "identifiers.a.block[0]: begins like a regular expression"),
        ("rank: 1, block: [2020-13-45]", "is not YAML"),
        ("rank: !!int abc", "is not YAML"),
    ],
)
def test_what_would_be_misread_is_refused(entry, problem):
    with pytest.raises(RuleError) as caught:
        rulefile.parse(f"identifiers: {{a: {{{entry}}}}}")
    assert problem in str(caught.value)


def test_a_version_must_be_a_number_and_nesting_has_an_end():
    for text in ("version: true\nidentifiers: {a: {rank: 1}}", "[" * 3000):
        with pytest.raises(RuleError):
            rulefile.parse(text)


def test_merge_keys_take_over_what_is_written_once():
    rules = rulefile.parse("identifiers: {a: &d {rank: 1, max: 3}, b: {<<: *d, rank: 2}}")
    assert (rules.types["b"].rank, rules.types["b"].max) == (2, 3)


def test_the_order_and_case_of_a_block_list_mean_nothing():
    one, other = (
        rulefile.parse(f"identifiers: {{a: {{rank: 1, block: {block}}}}}")
        for block in ("[x, Y, '/z/']", "['/z/', y, x, X]")
    )
    assert one.fingerprint == other.fingerprint


ONE = "identifiers: {a: {rank: 1}}\n"


def test_outcomes_state_what_the_file_says_and_else_what_is_usual():
    usual = rulefile.parse(ONE)
    assert usual.consent == CONSENT
    said = "consent: {unsubscribe: {withdraw: [ads, News], channel: ''}, subscribe: {grant: ads}}"
    rules = rulefile.parse(ONE + said)
    assert rules.consent == {
        "complaint": CONSENT["complaint"],
        "unsubscribe": (ConsentRule("ads", True, ""), ConsentRule("News", True, "")),
        "subscribe": (ConsentRule("ads", False),),
    }
    assert rules.fingerprint != usual.fingerprint
    spelt_out = "consent: {unsubscribe: {withdraw: marketing, channel: email}}"
    assert rulefile.parse(ONE + spelt_out).fingerprint == usual.fingerprint


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("[x]", "consent: must be a mapping of 'key: value'"),
        ("{open: {grant: ads}}", "consent.open: is no known key; known here: hard_bounce, complaint,"),
        ("{subscribe: {}}", "consent.subscribe: write one of 'withdraw: marketing' and 'grant: marketing'"),
        ("{subscribe: {grant: a, withdraw: a}}", "consent.subscribe: write one of 'withdraw: marketing' and"),
        ("{subscribe: {grant: [a, 1]}}", "consent.subscribe: write a purpose or a list of purposes, such as"),
        ("{subscribe: {grant: []}}", "consent.subscribe: write a purpose or a list of purposes, such as"),
        ("{subscribe: {grant: a, channel: 1}}", "consent.subscribe.channel: write a name, such as email,"),
        (
            "{subscribe: {gran: a, grant: b}}",
            "consent.subscribe.gran: is no known key; did you mean 'grant'?",
        ),
    ],
)
def test_a_wrong_consent_is_told(entry, told):
    assert problem(f"{ONE}consent: {entry}").startswith(told)
