"""What a message says of one person, and that nobody else is in it."""

import json

import pytest

from identity import Facts, Identifier, Observer
from identity.rulefile import parse
from identity.tombstones import Tombstones
from schemas import CONSENTS, DECISIONS, EMAIL, WEB
from schemas.absorb import accept
from schemas.codec import encode_json
from schemas.concerning import Person, concerning

RULES = parse(
    """
version: 1
unknown_identifiers: ignore
identifiers: {email: {rank: 1, normalise: email}, cookie: {rank: 3, block: ["kiosk"]}}
match_keys: {person: {rank: 2, from: [name, town]}}
"""
)
(KEY,) = Observer(RULES).observe(Facts(), {}, {"name": "Ann", "town": "Ely"}, 1, 1)
MAIL, COOKIE = Identifier("email", "ann@example.org"), Identifier("cookie", "1")
ANN = Person("default", frozenset({MAIL, COOKIE}))
AT = 1_767_312_000_000_000
WHEN = {"occurred_at": "2026-01-01T00:00:00Z"}


def web(about=None, **identifiers):
    return {"event_id": "e", **WHEN, "page": "/x", "identifiers": identifiers, "properties": about or {}}


def told(topic, message, person=ANN):
    record = accept(topic, json.dumps(message).encode(), AT)
    found = concerning(record, AT, Observer(RULES), person)
    return None if found is None else (json.loads(encode_json(found[0])), found[1])


@pytest.mark.parametrize(
    "more",
    [{"cookie": "kiosk"}, {"email": "no address"}, {"device": "77"}, {}],
    ids=["blocked", "invalid", "without a rule", "alone"],
)
def test_what_names_nobody_else_is_told_as_it_came(more):
    identifiers = {type_: [value] for type_, value in more.items()}
    identifiers["email"] = ["Ann@Example.org", *identifiers.get("email", [])]
    said, others = told(WEB, web({"size": "38"}, **identifiers))
    assert not others
    assert (said["page"], said["properties"], said["identifiers"]) == ("/x", {"size": "38"}, identifiers)


@pytest.mark.parametrize(
    ("identifiers", "about"),
    [
        ({"email": ["ANN@example.org", "Tom@example.org"]}, {}),
        ({"email": "ANN@example.org", "cookie": "toms"}, {"to": "tom"}),
        ({"email": "ANN@example.org", "device": "toms"}, {"name": "Tom", "town": "Ely"}),
    ],
    ids=["of one type", "of another", "a match key"],
)
def test_of_what_names_others_only_ones_own_is_told(identifiers, about):
    said, others = told(WEB, web(about, **identifiers))
    assert others
    assert said["identifiers"] == {"email": ["ANN@example.org"]}
    assert "tom" not in json.dumps(said).lower()
    assert (said["page"], said["properties"], said["event_id"]) == ("", {}, "e")


def test_what_does_not_name_the_person_is_not_told():
    assert told(WEB, web(email="tom@example.org")) is None
    assert told(WEB, web()) is None
    assert told(WEB, {**web(email="ann@example.org"), "tenant": "other"}) is None


def test_a_match_key_names_its_person():
    message = web({"name": "ann", "town": "ELY"})
    assert told(WEB, message) is None
    said, others = told(WEB, message, Person("default", frozenset({KEY})))
    assert (said["properties"], others) == ({"name": "ann", "town": "ELY"}, False)


def test_other_topics():
    opened = {"event_id": "e", **WHEN, "outcome": "open", "identifiers": {"email": "ann@example.org"}}
    assert told(EMAIL, opened)[0]["outcome"] == "open"
    word = {"consent_id": "c", "stated_at": WHEN["occurred_at"], "status": "granted", "purpose": "ads"}
    word |= {"identifiers": {"email": "ann@example.org", "cookie": "toms"}, "proof": "signed by tom"}
    said, others = told(CONSENTS, word)
    assert (said["identifiers"], said["proof"], others) == ({"email": ["ann@example.org"]}, "", True)


def test_a_decision_without_the_other_end_and_without_the_steward():
    ends = {"a": {"type": "email", "value": "Ann@example.org"}, "b": {"type": "cookie", "value": "1"}}
    message = {"decision_id": "d", "decided_at": WHEN["occurred_at"], "verdict": "must_link", **ends}
    message |= {"who": "sue", "why": "both said so"}
    said, others = told(DECISIONS, message)
    assert ({name: said[name] for name in ends}, said["who"], said["why"]) == (ends, "", "both said so")
    assert not others
    said, others = told(DECISIONS, message | {"b": {"type": "cookie", "value": "toms"}})
    assert (said["a"], said["b"], said["why"]) == (ends["a"], {"type": "", "value": ""}, "")
    assert others
    nobody = {"a": {"type": "_erased", "value": "00"}, "b": {"type": "cookie", "value": "toms"}}
    assert told(DECISIONS, message | nobody) is None


@pytest.mark.parametrize("through", [AT - 1, AT])
def test_before_an_erasure_they_were_somebody_else(through):
    erased = Tombstones(b"key")
    erased.add([erased.digest(MAIL)], through)
    again = ANN._replace(erased=erased)
    forgotten = through == AT
    assert (told(WEB, web(email="ann@example.org"), again) is None) == forgotten
    said, others = told(WEB, web(email="ann@example.org", cookie="1"), again)
    assert (others, "email" in said["identifiers"]) == (forgotten, not forgotten)
    assert again.is_told_in(b"{oops: ANN@example.org", AT) != forgotten
    assert not again.is_told_in(b"{oops: tom", AT)
