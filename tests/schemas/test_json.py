"""What JSON may leave open, and the one form it takes inside."""

import json

import pytest

from schemas import EMAIL, WEB, EmailEvent, Malformed, WebEvent, decode

NOW = 1_767_225_600_000_000  # 2026-01-01


def web(**fields):
    body = {"event_id": "e1", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {}} | fields
    event = decode(WEB, json.dumps(body).encode(), NOW)
    assert isinstance(event, WebEvent)
    return event


def test_one_identifier_needs_no_list():
    assert web(identifiers={"crm": "Tom", "cookie": ["1", "2"], "email": []}).identifiers == {
        "crm": ["Tom"],
        "cookie": ["1", "2"],
        "email": [],
    }


def test_properties_are_flattened_to_text():
    nested = {
        "plan": "gold",
        "name": {"surname": "X", "first": {"given": "Y"}},
        "age": 41,
        "price": 1.50,
        "whole": 2.0,
        "large": 1e300,
        "huge": 10**30,
        "member": True,
        "left": False,
        "unknown": None,
        "empty": {},
    }
    assert web(properties=nested).properties == {
        "plan": "gold",
        "name.surname": "X",
        "name.first.given": "Y",
        "age": "41",
        "price": "1.5",
        "whole": "2",
        "large": "1e300",
        "huge": "1000000000000000000000000000000",
        "member": "true",
        "left": "false",
    }


def test_attributes_is_another_name_for_properties():
    assert web(attributes={"a": {"b": 1}}).properties == {"a.b": "1"}
    assert web(attributes={"a": "1", "b": "1"}, properties={"b": "2"}).properties == {"a": "1", "b": "2"}


def test_extra_keys_are_left_out():
    assert web(later={"deep": [1, {"x": None}]}) == web()


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-01-01T00:00:00Z", NOW),
        ("2026-01-01T01:00:00+01:00", NOW),
        ("2025-12-31T19:00:00-05:00", NOW),
        ("2026-01-01T00:00:00.000001Z", NOW + 1),
        ("2026-01-01T00:00:00.0000014Z", NOW + 1),
        ("1990-01-01T00:00:00Z", 631_152_000_000_000),
    ],
)
def test_times_become_microseconds_in_utc(text, micros):
    assert web(occurred_at=text).occurred_at == micros


def test_text_of_any_script_and_an_escaped_backslash_survive():
    assert web(page="/Grüße/😀").page == "/Grüße/😀"
    assert web(page="C:\\u0000").page == "C:\\u0000"


def test_an_email_event_needs_its_outcome():
    body = b'{"event_id":"e","occurred_at":"2026-01-01T00:00:00Z","identifiers":{"email":"x"}}'
    with pytest.raises(Malformed, match="outcome: is missing"):
        decode(EMAIL, body, NOW)
    assert decode(EMAIL, body[:-1] + b',"outcome":"open"}', NOW) == EmailEvent(
        event_id="e", occurred_at=NOW, outcome="open", identifiers={"email": ["x"]}
    )
