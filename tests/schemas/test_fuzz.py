"""No bytes whatever end in anything but a record or Malformed, and an accepted record is a sound one."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import TOPICS, Malformed, decode, encode, encode_json

NOW = 1_767_225_600_000_000  # 2026-01-01
TOPIC = st.sampled_from(list(TOPICS.values()))
# What decoders stumble over: brackets, quotes, escapes, signs, varints with all bits set, broken UTF-8.
NASTY = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"-",
        b"1e999",
        b"9" * 5000,
        b"null",
        b"NaN",
    ]
    + [b"\xff" * n for n in (1, 5, 9, 10, 11)]
    + [
        b"\x00",
        b"\x01",
        b"\x7f",
        b"\x80",
        b"\xc3\x01",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"[" * 2000,
        b'{"":' * 2000,
    ]
)


def attempt(topic, payload):
    try:
        record = decode(topic.name, payload, NOW)
    except Malformed:
        return
    assert isinstance(record, topic.record)
    assert decode(topic.name, encode(record), NOW) == record
    assert decode(topic.name, encode_json(record), NOW) == record


@given(topic=TOPIC, payload=st.binary(max_size=200))
@example(topic=TOPICS["web.events"], payload=b"[" * 100_000)
@example(topic=TOPICS["web.events"], payload=b'{"a":' * 100_000)
@example(topic=TOPICS["web.events"], payload=b'{"properties":' * 100_000 + b"}" * 100_000)
@settings(max_examples=500, deadline=None)
def test_random_bytes(topic, payload):
    attempt(topic, payload)
    attempt(topic, b"{" + payload)
    attempt(topic, b"\xc3\x01" + payload)


@st.composite
def mutated(draw):
    topic = draw(TOPIC)
    record = draw(st.from_type(topic.record))
    payload = bytearray(draw(st.sampled_from([encode, encode_json]))(record))
    start = 10 if payload[:2] == b"\xc3\x01" else 0
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(start, len(payload)))
        cut = draw(st.integers(0, 4))
        payload[at : at + cut] = draw(NASTY | st.binary(max_size=4))
    return topic, bytes(payload)


@given(case=mutated())
@settings(max_examples=800, deadline=None)
def test_mutated_messages(case):
    attempt(*case)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(topic=TOPIC, data=st.data())
@settings(max_examples=500, deadline=None)
def test_json_of_any_types(topic, data):
    names = st.sampled_from([*topic.record.__struct_fields__, "attributes", "later"])
    fields = data.draw(st.dictionaries(names, JSON, max_size=6))
    valid = data.draw(st.from_type(topic.record))
    text = json.dumps(fields).encode("utf-8", "surrogatepass")  # NaN and lone surrogates included
    attempt(topic, text)
    attempt(topic, encode_json(valid)[:-1] + b"," + text[1:])  # a key that is there twice
