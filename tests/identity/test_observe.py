"""From raw values to identifiers: normalising, junk, blocking and match keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import Facts, Identifier, InvalidValueError, Observer, UnknownTypeError, normalise, rulefile
from identity.junk import WORDS
from identity.normalise import NAMES, named

RULES = """
identifiers:
  login:  {rank: 1, unique: true, block: ["Test", "/^guest_/i", "/CaseCounts/"]}
  email:  {rank: 2, normalise: email, block: ["Nobody@Example.COM"]}
  phone:  {rank: 3, normalise: phone, region: GB}
match_keys:
  person: {rank: 8, from: [name.surname, born], block: ["/^test /"]}
  place:  {rank: 9, from: [street, city], normalise: none}
"""
OBSERVER = Observer(rulefile.parse(RULES))
JUNK = "blocked: stands for no value"


def observe(identifiers, attributes=None, observer=OBSERVER):
    """What an event is seen with, and the facts that it makes."""
    facts = Facts()
    return observer.observe(facts, identifiers, attributes or {}, 1, 2), facts


# Normalisers

regions = st.sampled_from([None, "GB", "US", "DE", "IT", "BR"])
# Text that a normaliser has something to do with, besides any text at all.
tricky = st.one_of(
    st.text(),
    st.text("aAéÉßİ\u0131\u017f ŉǅ._-+@0٣\uff13()ﬁ\u0301\u0345\u00ad\u200b", min_size=1),
    st.emails(),
    st.from_regex(r"\+?[0-9 ()/-]{3,16}", fullmatch=True),
    st.builds("{}@{}".format, st.text("aAéİK.+", min_size=1), st.sampled_from(["X.org", "MÜNCHEN.de"])),
)


@given(st.sampled_from([name for name in NAMES if name != "phone"]), tricky)
def test_normalising_again_changes_nothing(name, raw):
    normalise = named(name)
    try:
        once = normalise(raw)
    except InvalidValueError:
        return
    assert normalise(once) == once


@given(st.sampled_from(["email", "phone"]), regions, tricky)
def test_no_error_repeats_the_value(name, region, raw):
    told = None
    try:
        # Two signs that neither an address nor a number can hold.
        named(name, region)(f"{raw}<secret>")
    except InvalidValueError as error:
        told = error
    if told is not None:
        assert "secret" not in str(told)
        assert told.__cause__ is None
        assert told.__suppress_context__


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("none", "  As It Is\n", "As It Is"),
        ("email", " Ann.Lee@Example.COM ", "ann.lee@example.com"),
        ("email", "ann@MÜNCHEN.example", "ann@münchen.example"),
        ("email", "ann@xn--mnchen-3ya.example", "ann@münchen.example"),
        ("email", "ann+shop@example.com", "ann+shop@example.com"),
        ("text", "  O'Brien-Müller ", "o brien muller"),
        ("text", "STRASSE", "strasse"),
        ("text", "Straße", "strasse"),
        ("text", "ﬁne\u00a0print", "fine print"),
        ("text", "SW1A_1AA", "sw1a 1aa"),
        ("phone", "020 7946 0018", "+442079460018"),
        ("phone", "+44 (0)20 7946 0018", "+442079460018"),
        ("phone", "+1 212 555 0100", "+12125550100"),
    ],
)
def test_normal_forms(name, raw, value):
    normalise = named(name, "GB" if name == "phone" else None)
    assert normalise(raw) == normalise(value) == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("email", "ann"),
        ("email", "ann@"),
        ("email", "a b@example.com"),
        ("email", "ann@example..com"),
        ("phone", "call me"),
        ("phone", "12"),
        ("phone", "+44 20 7946 0018 0018 0018"),
    ],
)
def test_values_that_are_none_of_their_type(name, raw):
    with pytest.raises(InvalidValueError):
        named(name, "GB" if name == "phone" else None)(raw)


def test_a_number_without_country_code_needs_a_region():
    with pytest.raises(InvalidValueError, match=r"with a country code .* or set 'region' in its rule"):
        named("phone")("020 7946 0018")


def test_there_is_no_other_normaliser():
    with pytest.raises(KeyError):
        named("sound")


# Junk and blocked values

junk = st.one_of(st.sampled_from(sorted(WORDS)), st.from_regex(r"[0\- ]{0,20}", fullmatch=True))


@given(junk, st.sampled_from(["login", "email", "phone"]), st.sampled_from([str.upper, str.title, str.lower]))
def test_junk_links_nobody_whatever_its_type_and_case(word, type_, case):
    good = ["ann"] if type_ == "login" else []
    seen, facts = observe({"login": ["ann"], type_: [f" {case(word)} ", *good]})
    assert set(seen) == {Identifier("login", "ann")}
    assert facts.links == {}
    assert list(facts.seen) == [Identifier("login", "ann")]
    assert list(facts.quarantined.values()) == [JUNK]


@pytest.mark.parametrize(
    ("type_", "raw", "blocked"),
    [
        ("login", "test", True),
        ("login", " TEST ", True),
        ("login", "tester", False),
        ("login", "Guest_17", True),
        ("login", "my guest_17", False),
        ("login", "a CaseCounts b", True),
        ("login", "a casecounts b", False),
        ("email", "NOBODY@example.com", True),
        ("email", "somebody@example.com", False),
    ],
)
def test_block_lists(type_, raw, blocked):
    _, fault = OBSERVER.identify(type_, raw)
    assert fault == (f"blocked: by the rule for {type_}" if blocked else None)


def test_an_invalid_value_is_set_aside_as_it_came():
    seen, facts = observe({"email": [" not an address "], "login": ["ann"]})
    assert seen == [Identifier("login", "ann")]
    assert facts.quarantined == {Identifier("email", "not an address"): "invalid: not an e-mail address"}


def test_an_event_that_says_nothing_makes_no_facts():
    assert observe({"login": ["null"], "email": []})[0] == []
    assert observe({}) == ([], Facts())


def test_one_event_links_every_pair_once():
    seen, facts = observe({"login": ["ann", "ann "], "email": ["A@x.org", "a@X.org", "b@x.org"]})
    assert set(seen) == {
        Identifier("login", "ann"),
        Identifier("email", "a@x.org"),
        Identifier("email", "b@x.org"),
    }
    assert len(facts.links) == 3
    assert {(link.last_seen, link.first_ingested) for link in facts.links.values()} == {(1, 2)}


# Match keys


def keys(attributes, type_="person"):
    seen, facts = observe({}, attributes)
    assert facts.links == {}
    return [identifier.value for identifier in seen if identifier.type == type_]


def test_a_match_key_is_made_of_normalised_parts():
    assert keys({"name.surname": "Müller-Lee", "born": "1990-01-31"}) == ["muller lee|1990 01 31"]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"name.surname": "Lee"},
        {"name.surname": "Lee", "born": ""},
        {"name.surname": "Lee", "born": " NULL "},
        {"name.surname": "Lee", "born": "0000-00-00"},
        {"name.surname": "!?", "born": "1990-01-31"},
    ],
)
def test_a_match_key_needs_all_its_attributes(attributes):
    seen, facts = observe({}, attributes)
    assert seen == []
    assert facts.quarantined == {}


def test_a_match_key_can_be_blocked():
    seen, facts = observe({}, {"name.surname": "Test User", "born": "1990-01-31"})
    assert seen == []
    assert facts.quarantined == {
        Identifier("person", "test user|1990 01 31"): "blocked: by the rule for person"
    }


def test_a_match_key_links_what_comes_with_it():
    _, facts = observe({"login": ["ann"]}, {"name.surname": "Lee", "born": "1990"})
    assert list(facts.links) == [(Identifier("login", "ann"), Identifier("person", "lee|1990"))]


def test_an_invalid_part_makes_no_match_key():
    rules = "identifiers: {a: {rank: 1}}\nmatch_keys: {p: {rank: 2, from: [mail], normalise: email}}"
    observer = Observer(rulefile.parse(rules))
    assert observe({}, {"mail": "nonsense"}, observer)[0] == []
    assert observe({}, {"mail": "A@x.org"}, observer)[0] == [Identifier("p", "a@x.org")]


words = st.text("ab|", min_size=1, max_size=4)


@given(words, words, words, words)
def test_a_separator_in_a_part_moves_nothing_to_the_next(street, city, other_street, other_city):
    def key(*parts):
        return keys({"street": parts[0], "city": parts[1]}, "place")

    def bare(*parts):
        return [part.replace("|", " ") for part in parts]

    (one,), (other,) = key(street, city), key(other_street, other_city)
    assert (one == other) == (bare(street, city) == bare(other_street, other_city))


# Types that no rule names


def test_an_unknown_type_is_an_error_that_adds_nothing():
    facts = Facts()
    with pytest.raises(
        UnknownTypeError, match="names the identifier type 'card': add it to the rules"
    ) as caught:
        OBSERVER.observe(facts, {"login": ["ann"], "card": ["4111"]}, {}, 1, 2)
    assert facts == Facts()
    assert caught.value.type == "card"
    assert "4111" not in str(caught.value)


def test_an_unknown_type_can_be_ignored():
    lenient = Observer(rulefile.parse(f"unknown_identifiers: ignore\n{RULES}"))
    seen, facts = observe({"login": ["ann"], "card": ["4111"]}, observer=lenient)
    assert seen == [Identifier("login", "ann")]
    assert list(facts.seen) == seen


@pytest.mark.parametrize(("region", "raw"), [("US", "555-1234"), ("GB", "123456")])
def test_a_phone_number_without_its_area_code_is_refused(region, raw):
    with pytest.raises(InvalidValueError, match="area code included"):
        normalise.phone(region)(raw)


@given(st.sampled_from(["DE", "GB", "US", None]), st.from_regex(r"\+?[0-9]{4,15}", fullmatch=True))
def test_a_phone_number_normalises_once(region, raw):
    try:
        normal = normalise.phone(region)(raw)
    except InvalidValueError:
        return
    assert normalise.phone(region)(normal) == normal


def test_text_drops_accents_but_no_letters():
    assert normalise.text("Müller") == "muller"
    assert normalise.text("राम") != normalise.text("रीम")
    assert normalise.text("がとう") != normalise.text("かとう")


def test_a_match_key_is_found_by_its_value():
    rules = rulefile.parse("match_keys: {person: {rank: 1, from: [surname, born]}}")
    observer, facts = Observer(rules), Facts()
    observer.observe(facts, {}, {"surname": "Smith", "born": "1990-01-01"}, 0, 0)
    (key,) = facts.seen
    assert observer.identify("person", key.value) == (key, None)
