"""What is refused, and that the reason says what to fix without telling anyone's data."""

import json

import msgspec
import pytest

from schemas import (
    CONSENTS,
    DEAD_LETTERS,
    DECISIONS,
    EMAIL,
    ERASURES,
    WEB,
    DeadLetter,
    EmailEvent,
    Erasure,
    Identifier,
    Malformed,
    WebEvent,
    decode,
    encode,
    encode_json,
)

NOW = 1_767_225_600_000_000  # 2026-01-01
DAY = 86_400_000_000
SECRET = "tom@example.com"
EMPTY = "is empty: give every message an id of its own, the same on a retry"
BAD_TYPE = "identifiers: a type name must be 1 to 64 of the characters A-Z a-z 0-9 _ . -"
UNSET = "occurred_at: is before 1990, from a clock that was never set: set the producer's clock"
TOO_DEEP = "not JSON, or nested deeper than 32: every bracket must be closed"
UNKNOWN = "Avro: schema fingerprint 0000000000000001 is no known version of"
EVENT = WebEvent(event_id="e1", occurred_at=NOW, identifiers={"email": [SECRET]})


def reason(payload, topic=WEB):
    with pytest.raises(Malformed) as caught:
        decode(topic, payload, NOW)
    assert SECRET not in str(caught.value)
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


def body(**fields):
    base = {"event_id": "e1", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {"email": SECRET}}
    return json.dumps(base | fields).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"event_id": ""}, f"event_id: {EMPTY}"),
        ({"event_id": "x" * 257}, "event_id: is longer than 256 characters"),
        ({"event_id": 7}, "event_id: expected a string, got int"),
        ({"event_id": None}, "event_id: expected a string, got null"),
        ({"tenant": "a b"}, "tenant: must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ({"tenant": ""}, "tenant: must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ({"kind": "x" * 65}, "kind: is longer than 64 characters"),
        (
            {"identifiers": {"cookie": 1}},
            "identifiers.cookie: expected a string or a list of strings, got int",
        ),
        ({"identifiers": {"a": "1", "b": ["1", None]}}, "identifiers.b[1]: expected a string, got null"),
        ({"identifiers": {SECRET: 1}}, "identifiers[…]: expected a string or a list of strings, got int"),
        ({"identifiers": [SECRET]}, "identifiers: expected an object, got array"),
        (
            {"identifiers": {SECRET: "1"}},
            BAD_TYPE,
        ),
        (
            {"identifiers": {"": "1"}},
            BAD_TYPE,
        ),
        ({"identifiers": {"email": SECRET * 99}}, "identifiers.email: a value is longer than 512 characters"),
        (
            {"identifiers": {"a": ["x"] * 200, "b": ["x"] * 57}},
            "identifiers: 257 in one event, at most 256 are taken: split it",
        ),
        (
            {"properties": {"a": {"b": [SECRET]}}},
            "properties.a.b: expected a string, number, boolean or object, got array",
        ),
        (
            {"attributes": {SECRET: []}},
            "attributes[…]: expected a string, number, boolean or object, got array",
        ),
        ({"properties": {"x" * 257: "1"}}, "properties: a name is longer than 256 characters"),
        ({"properties": {"x" * 257: {"y": 1}}}, "properties: a name is longer than 256 characters"),
        ({"consent": {"ads": SECRET}}, "consent.ads: expected true or false, got str"),
        ({"page": "a\0b"}, "a text contains a NUL character (U+0000): remove it"),
        ({"occurred_at": 1767225600}, "occurred_at: expected a time such as 2026-01-01T00:00:00Z, got int"),
        ({"occurred_at": SECRET}, "occurred_at: expected a time such as 2026-01-01T00:00:00Z"),
        (
            {"occurred_at": "2026-01-01T00:00:00"},
            "occurred_at: has no time zone: add Z or an offset, as 2026-01-01T00:00:00Z",
        ),
        (
            {"occurred_at": "1970-01-01T00:00:00Z"},
            UNSET,
        ),
        ({"occurred_at": "0001-01-01T00:00:00+23:00"}, "occurred_at: is outside the years 1 to 9999"),
        (
            {"occurred_at": "2026-01-02T00:00:00.000001Z"},
            "occurred_at: is in the future: fix the producer's clock",
        ),
    ],
)
def test_a_json_event(fields, expected):
    assert reason(body(**fields)) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "neither Avro (a single object, from C3 01 on) nor JSON (an object, from { on)"),
        (b"[]", "neither Avro (a single object, from C3 01 on) nor JSON (an object, from { on)"),
        (b"{", "not JSON: input data was truncated"),
        (b"{}", "event_id: is missing"),
        (b'{"event_id": "e1"}', "occurred_at: is missing"),
        (b'{"event_id": tom@example.com}', "not JSON: invalid character (byte 17)"),
        (b'{"event_id": NaN}', "not JSON: invalid character (byte 13)"),
        (b'{"more": Infinity}', "not JSON: invalid character (byte 9)"),
        (b'{"more": "\xff"}', "not UTF-8 (byte 10): save or send it as UTF-8"),
        (b'{"page": "\\ud800x"}', "not JSON: input data was truncated"),
        (b'{"properties": {"a": 1e999}}', "properties[…]: is a number out of range"),
        (b'{"properties": {"a": {"b": 1e999}}}', "properties[…][…]: is a number out of range"),
        (b'{"properties": {"a": ' + b"1" * 9999 + b"}}", "properties[…]: is a number out of range"),
        (b'{"identifiers": {"a": 1}, oh', "identifiers[…]: expected a string or a list of strings, got int"),
        (
            b'{"identifiers": {"a": 1}, "identifiers": 1}',
            "identifiers[…]: expected a string or a list of strings, got int",
        ),
        (
            b'{"identifiers": {"a": 1}, "identifiers": {}}',
            "identifiers[…]: expected a string or a list of strings, got int",
        ),
        (b"{" * 100_000, TOO_DEEP),
        (b'{"a":' + b"[" * 100_000, TOO_DEEP),
        (
            b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
            TOO_DEEP,
        ),
        (b'{"a":' + b"[" * 31 + b"]" * 31 + b"}", "event_id: is missing"),
        (b'{"a":[' + b"[]," * 50 + b'"[[[[\\"[[["]}', "event_id: is missing"),
        (b"{" + b" " * (1 << 20), "1048577 bytes, at most 1048576 are taken: split it"),
    ],
)
def test_a_json_text(payload, expected):
    assert reason(payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\xc3\x01", "Avro: shorter than its header"),
        (b"\xc3\x01\x01" + b"\0" * 7, f"{UNKNOWN} WebEvent"),
        (encode(EVENT)[:-1], "Avro: the body is truncated"),
        (encode(EVENT) + b"\0", "Avro: there are bytes after the end of the body"),
        (encode(EVENT).replace(b"tom@", b"tom\xff"), "Avro: a string is not UTF-8"),
        (encode(EVENT).replace(b"tom@", b"tom\0"), "a text contains a NUL character (U+0000): remove it"),
        (encode(msgspec.structs.replace(EVENT, event_id="")), f"event_id: {EMPTY}"),
        (encode(msgspec.structs.replace(EVENT, occurred_at=0)), UNSET),
        (encode(msgspec.structs.replace(EVENT, occurred_at=2**62)), "Avro: a number or time is out of range"),
    ],
)
def test_an_avro_message(payload, expected):
    assert reason(payload) == expected


def test_an_avro_message_on_the_wrong_topic():
    assert "no known version of EmailEvent" in reason(encode(EVENT), EMAIL)


def test_an_enum_in_avro_out_of_its_symbols():
    event = EmailEvent(event_id="e1", occurred_at=NOW, outcome="subscribe", identifiers={})
    payload = encode(event)
    assert payload.endswith(b"\x10\0\0")
    assert reason(payload[:-3] + b"\x12\0\0", EMAIL) == "Avro: the body does not fit its schema"


def test_a_value_out_of_an_enum_is_not_quoted():
    assert reason(body(outcome=SECRET), EMAIL) == "outcome: is none of the known values"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"decision_id": ""}, f"decision_id: {EMPTY}"),
        ({"a": {"type": SECRET, "value": "1"}}, BAD_TYPE),
        ({"a": {"type": "crm", "value": "x" * 513}}, "an identifier's value is longer than 512 characters"),
        ({"a": {"type": "crm"}}, "a.value: is missing"),
        ({"a": {"type": "crm", "value": 1}}, "a.value: expected a string, got int"),
        ({"decided_at": "2027-01-01T00:00:00Z"}, "decided_at: is in the future: fix the producer's clock"),
    ],
)
def test_a_decision(fields, expected):
    one = {"type": "crm", "value": "1"}
    base = {"decision_id": "d", "decided_at": "2026-01-01T00:00:00Z", "verdict": "undo", "a": one, "b": one}
    assert reason(json.dumps(base | fields).encode(), DECISIONS) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"consent_id": ""}, f"consent_id: {EMPTY}"),
        ({"purpose": " "}, "purpose: is empty: name what is permitted, such as marketing"),
        ({"purpose": "x" * 65}, "purpose: is longer than 64 characters"),
        ({"brand": "x" * 65}, "brand: is longer than 64 characters"),
        ({"proof": "x" * 513}, "proof: is longer than 512 characters: keep it elsewhere, and send its hash"),
        ({"identifiers": {"email": []}}, "identifiers: names nobody: say whose word it is"),
        ({"status": SECRET}, "status: is none of the known values"),
        ({"valid_from": "2026-01-01"}, "valid_from: expected a time such as 2026-01-01T00:00:00Z"),
        (
            {"valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-02T00:00:00Z"},
            "valid_until: is not after valid_from",
        ),
        (
            {"status": "withdrawn", "valid_until": "2026-01-02T00:00:00Z"},
            "a withdrawal holds until it is taken back: leave valid_from and valid_until out",
        ),
        ({"stated_at": "2027-01-01T00:00:00Z"}, "stated_at: is in the future: fix the producer's clock"),
    ],
)
def test_a_consent(fields, expected):
    base = {"consent_id": "c", "stated_at": "2026-01-01T00:00:00Z", "status": "granted", "purpose": "ads"}
    base |= {"identifiers": {"email": "tom@example.com"}}
    assert decode(CONSENTS, json.dumps(base).encode(), NOW)
    assert reason(json.dumps(base | fields).encode(), CONSENTS) == expected


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        ({"": True}, "consent: a purpose is empty: name what is permitted, such as marketing"),
        ({SECRET * 9: True}, "consent: a purpose is longer than 64 characters"),
        (dict.fromkeys(map(str, range(65)), True), "consent: 65 purposes in one event, at most 64 are taken"),
    ],
)
def test_the_consent_of_a_web_event(consent, expected):
    assert reason(body(consent=consent)) == expected


def test_an_erasure_is_checked_alike():
    erasure = Erasure(erasure_id="x", requested_at=NOW + 2 * DAY, identifiers=[Identifier("crm", "1")])
    assert reason(encode(erasure), ERASURES) == "requested_at: is in the future: fix the producer's clock"
    empty = Erasure(erasure_id="x", requested_at=NOW)
    assert reason(encode(empty), ERASURES) == "identifiers: whom to erase?"
    odd = Erasure(erasure_id="x", requested_at=NOW, tombstones=["tom"])
    assert reason(encode(odd), ERASURES) == "tombstones: must be of 32 digits of base 16 each"


def test_a_dead_letter_holds_whatever_came():
    letter = DeadLetter(
        topic=WEB,
        partition=0,
        offset=1,
        ingested_at=-1000,
        value=b"\0\xff" * (6 << 20),
        key=b"",
        reason="not JSON",
    )
    assert decode(DEAD_LETTERS, encode(letter), NOW) == letter
    assert b'"ingested_at":"1969-12-31T23:59:59.999000Z"' in encode_json(letter)


def test_a_number_of_json_out_of_range():
    letter = DeadLetter(topic=WEB, partition=0, offset=1, ingested_at=NOW, value=b"", reason="")
    text = encode_json(letter).replace(b'"offset":1', b'"offset":9223372036854775808')
    assert reason(text, DEAD_LETTERS) == "offset: is a number out of range"


def test_an_unknown_topic_is_the_callers_mistake():
    with pytest.raises(KeyError):
        decode("nowhere", b"{}", NOW)
