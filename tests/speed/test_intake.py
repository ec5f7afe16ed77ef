"""However messages are read together, they say what each of them says when it is read alone."""

import json
from collections import Counter, defaultdict
from itertools import permutations
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, Observer, rulefile
from identity.consent import claim
from identity.notation import DAY
from schemas import (
    CONSENTS,
    DECISIONS,
    EMAIL,
    WEB,
    Consent,
    DeadLetter,
    Decision,
    Malformed,
    decode,
    encode,
    encode_json,
    overlay,
)
from schemas import Identifier as Named
from schemas.absorb import absorb, accept
from schemas.claims import claimed
from schemas.stated import stated
from speed_layer import intake, meanings
from speed_layer.intake import Intake
from tests.speed.kafka import FakeMessage

RULES = """
unknown_identifiers: {unknown}
identifiers:
  login:  {{rank: 1, unique: true, block: [test]}}
  email:  {{rank: 2, normalise: email}}
  cookie: {{rank: 9}}
match_keys:
  person: {{rank: 5, from: [name, born], normalise: text}}
consent:
  subscribe: {{grant: [marketing, profiling, ads], channel: ''}}
stale:
  email: {{after: {{complaint: 1, unsubscribe: 2}}, revived_by: [open, subscribe, login]}}
joining: {{purpose: ads}}
profile:
  town:  {{}}
  spent: {{rule: sum, type: number}}
segments:
  busy:    {{events: [{{web: {{kind: login}}, email: {{outcome: open}}, min: 2}}]}}
  bathers: {{events: [{{web: {{properties: {{town: Bath}}}}, min: 1}}]}}
"""
STRICT, LENIENT = (rulefile.parse(RULES.format(unknown=word)) for word in ("error", "ignore"))

NOW = 1_767_225_600_000  # 2026-01-01, in milliseconds
PLAIN = {"event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {"login": "tom"}}


def alone(messages, rules):
    """By tenant what messages say, permit, claim; the refused, the offsets after them, how many of what."""
    observer = Observer(rules)
    told = defaultdict(list)
    tenants, claims, refused, offsets, accepted = {}, {}, [], {}, Counter()
    for message in messages:
        at = message.at * 1000
        offsets[overlay.partition_field(message.topic(), message.partition())] = message.offset() + 1
        try:
            record = accept(message.topic(), message.value(), at)
            about = absorb(record, observer, tenants.setdefault(record.tenant, Facts()), at)
            for x in about:
                for permission, word in stated(record, rules, at).items():
                    claim(claims.setdefault((record.tenant, x), {}), permission, word)
            owner, said = claimed(record, about, rules, at)
            for name, one, fault in said:
                if fault is None:
                    told[record.tenant, owner, name].append(one)
            accepted[message.topic(), "avro" if message.value()[:2] == b"\xc3\x01" else "json"] += 1
        except Malformed as error:
            refused.append(
                DeadLetter(
                    topic=message.topic(),
                    partition=message.partition(),
                    offset=message.offset(),
                    ingested_at=at,
                    value=message.value() or b"",
                    key=message.key(),
                    reason=str(error),
                )
            )
    return tenants, claims, told, refused, offsets, accepted


def by_tenant(facts):
    return {tenant: (said.seen, said.links, said.signs) for tenant, said in facts.items() if said.seen}


def in_order(letters):
    return sorted(letters, key=lambda letter: (letter.topic, letter.partition, letter.offset))


def assert_read_as_alone(messages, rules, reader):
    batch = reader.read(messages)
    tenants, claims, told, refused, offsets, accepted = alone(messages, rules)
    assert by_tenant({tenant: said.facts for tenant, said in batch.tenants.items()}) == by_tenant(tenants)
    said = {(tenant, x): found for tenant, said in batch.tenants.items() for x, found in said.permits.items()}
    assert said == claims
    heard = {
        (tenant, x, name): sorted(some)
        for tenant, said in batch.tenants.items()
        for x, by_name in said.claims.items()
        for name, some in by_name.items()
    }
    assert heard == {about: sorted(some) for about, some in told.items()}
    assert in_order(batch.refused) == in_order(refused)
    assert (batch.offsets, batch.accepted) == (offsets, accepted)
    appended = [message.at * 1000 for message in messages]
    assert (sorted(batch.appended), batch.through) == (sorted(appended), max(appended, default=0))
    return batch


# Few values, so that events meet; some are one and the same only when they are normalised.
VALUES = st.sampled_from(
    ["a", "b", "c", " a ", "A@x.org", "a@x.org", "no address", "null", "test", "", "0000"]
)
TYPES = st.sampled_from(["login", "login", "email", "cookie", "cookie", "cookie", "unknown", "person"])
IDENTIFIERS = st.sampled_from(
    [{"login": "a"}, {"cookie": "c"}, {"login": "a", "cookie": ["c", "b"]}, {"email": "A@x.org"}]
) | st.dictionaries(TYPES, VALUES | st.lists(VALUES, max_size=3), max_size=3)
USUAL_TIMES = st.sampled_from(
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000001Z",
        "2025-12-31T23:00:00-01:00",
        "2025-06-01T12:00:00.5+02:00",
        "1990-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-02T00:00:00.001Z",
        "2026-01-02T00:00:00.003Z",
    ]
)
usual = st.fixed_dictionaries(
    {"event_id": st.sampled_from(["e1", "e2"]), "occurred_at": USUAL_TIMES, "identifiers": IDENTIFIERS},
    optional={
        "tenant": st.sampled_from(["default", "a", "ab"]),
        "kind": st.just("login"),
        "outcome": st.sampled_from(["open", "complaint", "unsubscribe", "subscribe"]),
        "consent": st.dictionaries(
            st.sampled_from(["ads", "Ads", " ads", "mail"]), st.booleans(), max_size=2
        ),
        "later": st.just([1, {"x": None}]),
        "properties": st.dictionaries(
            st.sampled_from(["town", "spent", "name", "born"]),
            st.sampled_from(["Bath", "7", "1e9", "Ann", "null", "Zo\u00eb"]),
            max_size=3,
        ),
    },
)
ODD = {
    "event_id": ["", "e" * 256, "e" * 257, "é", "nul\0", 7, None],
    "occurred_at": [
        *("1990-01-01T00:00:00Z", "1989-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z"),
        *("2026-01-02T00:00:00Z", "2026-01-02T00:00:00.000001Z", "2099-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
        *("2026-01-01T00:00:00", "yesterday", 1_767_225_600, None),
    ],
    "identifiers": [
        *({"login": "x" * 512}, {"login": "x" * 513}, {"login": ["b", None]}, {"login": 7}),
        *({"cookie": [str(n) for n in range(256)]}, {"cookie": [str(n) for n in range(257)]}),
        *({"cookie": [["a"]]}, {"bad type": "a"}, {"bad type": []}, {"unknown": "a"}, {"unknown": []}),
        *(
            {"login": 'a"b\\'},
            {"login": "Zoë"},
            {"login": "nul\0"},
            {"login": "\x7f\x1f"},
            {},
            [],
            None,
            "tom",
        ),
        *({"person": "ann|2000"}, {"login": "tom", "cookie": "null"}, {"login": ["TEST", "test", "tom"]}),
    ],
    "properties": [
        *({}, {"name": "Ann", "born": "2000"}, {"name": {"x": 1}}, {"x": [1]}, {"n" * 257: "x"}, None),
        *({"n" * 256: "x"}, {"town": 7}, {"town": "x" * 1001}, {"identifiers": "x"}, {"spent": "7"}),
    ],
    "attributes": [{}, {"name": "Ann", "born": 2000}, [], None],
    "tenant": ["", "a b", "é", "t" * 64, "t" * 65, "a\n", None],
    "kind": ["", "k" * 64, "k" * 65, None],
    "outcome": ["open", "opened", None],
    "consent": [
        *({}, {"ads": 1}, None, {"": True}, {" ": True}, {"x" * 64: True}, {"x" * 65: True}),
        *({str(n): True for n in range(size)} for size in (64, 65)),
    ],
    "later": ["nul\0", "é", "\ud800", 1e300, None],
}
odd = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in ODD.items()})
# What decoders stumble over.
NASTY = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b'"', b" ", b",", b":", b"null", b"1e999", b"NaN"),
        *(b"\\", b"\\u0000", b"\\u0061", b"\x00", b"\x1f", b"\xff", b"\xc3\x01", b"\xef\xbb\xbf"),
        b'"x":' + b"[" * 40 + b"]" * 40 + b",",
    ]
)


def as_json(fields):
    return json.dumps(fields).encode()


def twice(first, second):
    """JSON in which a key may stand twice."""
    return as_json(first)[:-1] + b"," + as_json(second)[1:]


@st.composite
def mutated(draw, payloads):
    payload = bytearray(draw(payloads))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(payload)))
        payload[at : at + draw(st.integers(0, 3))] = draw(NASTY | st.binary(max_size=2))
    return bytes(payload)


def in_avro(topic, payload):
    """The same event as Avro, if it is one."""
    try:
        return encode(decode(topic, payload, NOW * 1000))
    except Malformed:
        return payload


ends = st.builds(Named, type=TYPES, value=VALUES)
times = st.integers(NOW - 5, NOW + 5).map(lambda at: at * 1000)
decisions = st.builds(
    Decision,
    decision_id=st.just("d"),
    decided_at=times,
    verdict=st.sampled_from(["must_link", "cannot_link", "undo"]),
    a=ends,
    b=ends,
)
consents = st.builds(
    Consent,
    consent_id=st.just("c"),
    stated_at=times,
    status=st.just("granted"),
    identifiers=st.dictionaries(TYPES, st.lists(VALUES, max_size=2), max_size=2),
    purpose=st.sampled_from(["ads", "mail"]),
    channel=st.sampled_from(["", "email"]),
    valid_from=st.none(),
    valid_until=st.none() | times,
)
plain = usual.map(as_json)
broken = st.builds(lambda fields, fault: as_json(fields | fault), usual, odd)
payloads = st.one_of(
    broken,
    st.builds(twice, usual, odd),
    st.builds(twice, odd, usual),
    mutated(plain | broken),
    st.builds(lambda payload, cut: payload[:cut], plain, st.integers(0, 90)),
    st.builds(in_avro, st.sampled_from([WEB, EMAIL]), plain),
    decisions.map(encode_json),
    consents.map(encode_json),
    st.none() | st.binary(max_size=9),
)
places = st.tuples(st.sampled_from([WEB, WEB, WEB, EMAIL, EMAIL, CONSENTS, DECISIONS]), st.integers(0, 1))


@st.composite
def batches(draw):
    """Messages as a consumer gives them: each partition in order, with gaps; many values repeated."""
    mostly_plain = st.integers(0, 9).flatmap(lambda n: payloads if n > draw(st.integers(4, 9)) else plain)
    values = draw(st.lists(mostly_plain, min_size=1, max_size=8))
    rows = draw(st.lists(st.tuples(places, st.sampled_from(values), st.integers(0, 3)), max_size=14))
    key = st.none() | st.just(b"key")
    return [
        FakeMessage(topic, partition, 2 * i, value, NOW + late, draw(key))
        for i, ((topic, partition), value, late) in enumerate(rows)
    ]


def message(value, offset=0, topic=WEB, at=NOW):
    return FakeMessage(topic, 0, offset, value, at)


@given(
    st.lists(batches(), min_size=1, max_size=2),
    st.sampled_from([STRICT, LENIENT]),
    st.sampled_from([1, 2, 4, 200]),
    st.sampled_from([0, 2, 1000]),
)
@example([[message(twice({"identifiers": 5}, PLAIN))]], STRICT, 1, 0)
@example([[message(twice({"identifiers": {"login": 5}}, PLAIN))]], STRICT, 1, 0)
@settings(max_examples=500, deadline=None)
def test_read_together_as_alone(log, rules, together, remembered):
    reader = Intake(rules)
    with (
        mock.patch.object(intake, "TOGETHER", together),
        mock.patch.object(meanings, "_REMEMBERED", remembered),
    ):
        for messages in log:
            batch = assert_read_as_alone(messages, rules, reader)
            sent = {(m.topic(), m.partition(), m.offset()): m for m in messages}
            for tenant, said in batch.tenants.items():
                for x in said.facts.seen:
                    *where, _ = said.where([x])
                    tenants, *_ = alone([sent[tuple(where)]], rules)
                    assert x in tenants[tenant].seen


@given(st.lists(plain, min_size=1, max_size=9), mutated(plain))
@settings(max_examples=100, deadline=None)
def test_one_that_is_not_plain_costs_the_others_nothing(values, bad):
    values.insert(len(values) // 2, bad)
    assert_read_as_alone([message(value, i) for i, value in enumerate(values)], STRICT, Intake(STRICT))


@pytest.mark.parametrize("topic", [WEB, EMAIL])
@pytest.mark.parametrize("name", ODD)
def test_one_thing_that_is_odd(topic, name):
    """Alone and among others, by a reader that has met them before and by one that has not."""
    usual_one = as_json(PLAIN | {"outcome": "open"})
    for value in ODD[name]:
        odd_one = as_json(PLAIN | {"outcome": "open", name: value})
        reader = Intake(LENIENT)
        for rules, values in (
            (STRICT, [odd_one]),
            (LENIENT, [odd_one, odd_one]),
            (STRICT, [usual_one, odd_one, usual_one]),
        ):
            read = [message(each, i, topic) for i, each in enumerate(values)]
            assert_read_as_alone(read, rules, reader if rules is LENIENT else Intake(rules))
            assert_read_as_alone(read, rules, reader if rules is LENIENT else Intake(rules))


@pytest.mark.parametrize(
    "where", [b'"later": "%s", "x"', b'"page": "%s", "x"', b'"%s"', b'"identifiers": {"login": "%s"}, "x"']
)
@pytest.mark.parametrize(
    "raw",
    [
        *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc3\xa9", b"\x00", b"\x1f", b"\x7f"),
        *(b"\\u0000", b"\\\\u0000", b"\\ud800", b"\\u0061", b"\\x", b"\\"),
    ],
)
def test_bytes_that_are_odd(where, raw):
    """In what is skipped, in what is read, in a name, in an identifier (the last of the name counts)."""
    head = PLAIN if b"identifiers" not in where else {k: v for k, v in PLAIN.items() if k != "identifiers"}
    payload = as_json(head)[:-1] + b", " + where % raw + b": 1}"
    for values in ([payload], [as_json(PLAIN), payload, as_json(PLAIN)]):
        assert_read_as_alone([message(value, i) for i, value in enumerate(values)], STRICT, Intake(STRICT))


def test_what_is_said_again_widens():
    times = ["2025-03-02T00:00:00Z", "2025-03-03T00:00:00Z", "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z"]
    values = [as_json(PLAIN | {"occurred_at": time}) for time in times]
    for order in permutations(values):
        read = [message(value, i, at=NOW - i) for i, value in enumerate(order)]
        batch = assert_read_as_alone(read, STRICT, Intake(STRICT))
        (seen,) = batch.tenants["default"].facts.seen.values()
        assert seen.last_seen - seen.first_seen == 2 * DAY


@pytest.mark.parametrize("depth", [16, 30, 31, 32, 33, 2000])
@pytest.mark.parametrize("brackets", ["[]", "{}", "mixed"])
def test_nested(depth, brackets):
    opened, closed = ('{"a":[', "]}") if brackets == "mixed" else brackets
    opened = '{"a":' if brackets == "{}" else opened
    inner = "1" if brackets == "{}" else ""
    nested = opened * depth + inner + closed * depth
    payload = as_json(PLAIN)[:-1] + b',"later":' + nested.encode() + b"}"
    for others in (0, 1, 30, 250):
        values = [payload, *[as_json(PLAIN)] * others]
        assert_read_as_alone([message(value, i) for i, value in enumerate(values)], STRICT, Intake(STRICT))


@pytest.mark.parametrize("bad", [b"{", as_json(PLAIN | {"identifiers": {"login": "Zo\u00eb"}})])
def test_few_are_read_alone_for_one_that_is_not_plain(monkeypatch, bad):
    alone_ = []
    monkeypatch.setattr(intake, "accept", lambda *message: alone_.append(message) or accept(*message))
    values = [as_json(PLAIN)] * 400
    values[123] = bad
    assert_read_as_alone([message(value, i) for i, value in enumerate(values)], STRICT, Intake(STRICT))
    assert 0 < len(alone_) < 8


def test_long_messages():
    long = [
        as_json(PLAIN | {"later": "x" * length}) for length in (1 << 18, 1 << 18, (1 << 20) - 200, 1 << 20)
    ]
    batch = assert_read_as_alone([message(value, i) for i, value in enumerate(long)], STRICT, Intake(STRICT))
    assert [letter.offset for letter in batch.refused] == [3]


@pytest.mark.parametrize("topic", [WEB, EMAIL])
def test_plain_events_are_read_by_columns(monkeypatch, topic):
    """Else the tests above would compare one way with itself."""
    monkeypatch.setattr(intake, "accept", None)
    more = ({"properties": {"town": "Bath"}}, {})
    values = [
        as_json(PLAIN | {"event_id": f"e{i}", "outcome": "open"} | more[i % len(more)]) for i in range(500)
    ]
    batch = Intake(STRICT).read([message(value, i, topic, NOW + i) for i, value in enumerate(values)])
    tom = Identifier("login", "tom")
    assert batch.tenants["default"].facts.seen == {tom: (NOW * 1000, NOW * 1000, NOW * 1000)}
    assert batch.through == (NOW + 499) * 1000


def test_only_who_makes_a_match_key_is_read_alone(monkeypatch):
    alone_ = []
    monkeypatch.setattr(intake, "accept", lambda *message: alone_.append(message) or accept(*message))
    ann = as_json(PLAIN | {"properties": {"name": "Ann", "born": "2000"}})
    values = [as_json(PLAIN | {"properties": {"town": "Bath"}})] * 300 + [ann] * 3
    assert_read_as_alone([message(value, i) for i, value in enumerate(values)], STRICT, Intake(STRICT))
    assert len(alone_) == 3


def test_nobody_says_nothing():
    batch = Intake(STRICT).read([])
    assert (batch.tenants, batch.refused, batch.offsets, batch.through) == ({}, [], {}, 0)


def test_who_brought_an_identifier():
    """The first message with it, but rather the last one with it and another."""
    cookie, both = {"cookie": "c"}, {"cookie": "c", "login": "tom"}
    values = [
        as_json(
            PLAIN
            | {"event_id": f"e{i}", "identifiers": identifiers, "occurred_at": f"2025-01-0{i + 1}T00:00:00Z"}
        )
        for i, identifiers in enumerate([cookie, both, cookie])
    ]
    x, tom = Identifier("cookie", "c"), Identifier("login", "tom")
    for taken, expected in zip(
        [values[:1], values[:2], values], [(0, "e0"), (1, "e1"), (1, "e1")], strict=True
    ):
        said = Intake(STRICT).read([message(value, i) for i, value in enumerate(taken)]).tenants["default"]
        assert said.where([x]) == (WEB, 0, *expected)
        assert said.where([tom]) == (None if len(taken) == 1 else (WEB, 0, *expected))
