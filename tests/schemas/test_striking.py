"""A message without the erased says what it said of everybody else."""

import json

import pytest

from identity import Facts, Identifier, Observer
from identity.rulefile import parse
from identity.tombstones import Tombstones
from schemas import DECISIONS, EMAIL, WEB
from schemas.absorb import absorb, accept
from schemas.claims import claimed
from schemas.striking import rewritten, struck

RULES = parse(
    """
version: 1
identifiers: {email: {rank: 1, normalise: email}, cookie: {rank: 3}}
match_keys: {person: {rank: 2, from: [name, town]}}
profile: {town: {}}
segments: {readers: {events: [{web: {page: /ann}}]}}
"""
)
ANN, ONE = Identifier("email", "ann@example.org"), Identifier("cookie", "1")
(PERSON,) = Observer(RULES).observe(Facts(), {}, {"name": "Ann", "town": "Ely"}, 1, 1)
AT = 1_767_312_000_000_000
WHEN = {"occurred_at": "2026-01-01T00:00:00Z"}


def web(**identifiers):
    about = {"name": "ann", "town": "ELY"}
    return WEB, {"event_id": "e", **WHEN, "page": "/ann", "identifiers": identifiers, "properties": about}


MESSAGES = [
    web(email="Ann@Example.org", cookie=["1", "2"]),
    web(cookie=["1", "2"]),
    web(),
    (EMAIL, {"event_id": "e", **WHEN, "outcome": "open", "identifiers": {"email": ["ANN@example.org"]}}),
    (
        DECISIONS,
        {
            "decision_id": "d",
            "decided_at": "2026-01-01T00:00:00Z",
            "verdict": "must_link",
            "a": {"type": "email", "value": "Ann@example.org"},
            "b": {"type": "cookie", "value": "1"},
            "why": "she said so",
        },
    ),
]


def said(topic, payload, tombstones=None):
    facts = Facts()
    absorb(accept(topic, payload, AT), Observer(RULES), facts, AT, tombstones)
    return facts


def claims(topic, payload, tombstones=None):
    """What a record claims, and of whom."""
    observer, record = Observer(RULES), accept(topic, payload, AT)
    about = absorb(record, observer, Facts(), AT, tombstones)
    owner, told = claimed(struck(record, AT, observer, tombstones), about, RULES, AT)
    return owner, list(told)


@pytest.mark.parametrize(
    "whom", [[ANN], [ONE], [PERSON], [ANN, ONE, PERSON]], ids=["email", "cookie", "key", "all"]
)
@pytest.mark.parametrize("late", [False, True])
def test_it_says_what_the_tombstones_leave_of_it(whom, late):
    tombstones = Tombstones(b"key")
    tombstones.add(map(tombstones.digest, whom), AT - 1 if late else AT)
    changed = 0
    for topic, message in MESSAGES:
        payload = json.dumps(message).encode()
        new = rewritten(topic, payload, AT, Observer(RULES), {"default": tombstones}, {})
        left = said(topic, payload, tombstones)
        assert claims(topic, payload, tombstones) == claims(topic, new or payload)
        if new is None:
            assert left == said(topic, payload)
            continue
        changed += 1
        assert said(topic, new) == left
        assert rewritten(topic, new, AT, Observer(RULES), {"default": tombstones}, {}) is None
        assert b"ELY" not in new
        assert b"she said" not in new
        if len(whom) == 3:
            assert b"ann" not in new.lower()
    assert (changed > 0) != late


def test_what_is_no_record_is_emptied_where_it_names_one():
    tombstones = {"default": Tombstones(b"key")}
    values = {"default": [ANN.value]}
    assert rewritten(WEB, b'{"oops": "Ann@Example.org"', AT, Observer(RULES), tombstones, values) == b""
    assert rewritten(WEB, b'{"oops": "tom"', AT, Observer(RULES), tombstones, values) is None
    assert rewritten(WEB, b"", AT, Observer(RULES), tombstones, values) is None


def test_who_is_erased_is_struck_out_of_a_decision_though_no_rule_names_the_type_any_more():
    old = Identifier("fax", "12345")
    tombstones = Tombstones(b"key")
    tombstones.add([tombstones.digest(old)], AT)
    _, decision = MESSAGES[-1]
    payload = json.dumps({**decision, "b": old._asdict()}).encode()
    struck = rewritten(DECISIONS, payload, AT, Observer(RULES), {"default": tombstones}, {})
    new = accept(DECISIONS, struck, AT)
    assert (new.a.value, (new.b.type, new.b.value)) == (decision["a"]["value"], tombstones.mask(old))
