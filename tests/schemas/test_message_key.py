"""Which partition an event goes to: that of its device. Whatever it is, it gets there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import rulefile
from schemas import EmailEvent, WebEvent, encode, encode_json
from schemas.message_key import BYTES, message_key
from tests.schemas.conftest import TYPE

RULES = rulefile.parse("""
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 3}
  cookie: {rank: 9}
""")


def key(**identifiers):
    return message_key(json.dumps({"event_id": "e", "identifiers": identifiers}).encode(), RULES)


def test_events_of_one_device_have_one_key():
    device = key(cookie="d1")
    assert device is not None
    assert len(device) == BYTES
    assert key(login="tom", cookie="d1") == device
    assert key(cookie=["d1"], email="ann@example.com", login="ann") == device
    assert key(cookie=["d1", "d2"]) == key(cookie=["d2", "d1"])


def test_a_stronger_identifier_is_the_key_where_no_weaker_one_is_there():
    assert key(login="tom", email="t@example.com") == key(email="t@example.com")
    assert key(email="d1") != key(cookie="d1")


def test_keys_spread_evenly():
    keys = {key(cookie=f"d{number}") for number in range(1_000)}
    assert len(keys) > 950


@pytest.mark.parametrize("identifiers", [{}, {"cookie": []}, {"cookie": ""}, {"device": "d1"}])
def test_who_names_nobody_goes_anywhere(identifiers):
    assert key(**identifiers) is None


def test_types_that_no_rule_names_do_not_count():
    assert key(device="x", cookie="d1") == key(cookie="d1")


@given(st.from_type(WebEvent) | st.from_type(EmailEvent), st.sampled_from([encode, encode_json]))
def test_every_event_has_a_key_or_none(event, form):
    found = message_key(form(event), RULES)
    assert found is None or len(found) == BYTES


@given(st.sets(TYPE, min_size=1, max_size=4), st.data())
def test_the_key_is_that_of_the_weakest(types, data):
    lines = [f"  {type_!r}: {{rank: {rank}}}" for rank, type_ in enumerate(sorted(types), 1)]
    rules = rulefile.parse("\n".join(["identifiers:", *lines]))
    weakest = max(types)
    said = {type_: data.draw(st.text("abc", min_size=1)) for type_ in types}
    of_all = message_key(json.dumps({"identifiers": said}).encode(), rules)
    assert of_all == message_key(json.dumps({"identifiers": {weakest: said[weakest]}}).encode(), rules)


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"\xff", b'{"identifiers": 1}', b"[" * 100_000])
@given(st.binary())
def test_what_is_no_event_goes_anywhere(payload, more):
    assert message_key(payload, RULES) is None
    found = message_key(more, RULES)
    assert found is None or len(found) == BYTES
