"""Valid messages, spoiled in ways that a seed decides."""

import re

from schemas import DECISIONS, EMAIL, WEB, Decision, EmailEvent, Identifier, WebEvent, encode
from tests.faults.bad import MANY, SECRET, event, text

# What decoders stumble over: brackets, quotes, escapes, signs, varints with all bits set, broken UTF-8.
PIECES = [
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"-", b"1e999", b"null", b"NaN", b","),
    *(b"\x00", b"\x01", b"\x7f", b"\x80", b"\xc3\x01", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"9" * 400, b":"),
    *(b"\xff" * n for n in (1, 5, 9, 10, 11)),
    *(b"[" * 200, b'{"":' * 200),
]
VALUES = [
    *(None, True, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "null", "\x00", "\ud800"),
    *([], {}, [[]], [{}], {"": ""}, ["a", 1], "x" * 600, "é" * 300, "\u202e", "1970-01-01T00:00:00Z"),
    *("2099-01-01T00:00:00Z", "0000-00-00", "+447700900123", "a@b.example", "@", "9" * 40, ["a"] * 300),
]
TYPES = ["login", "email", "phone", "cookie"]
NOW = 1_767_225_600_000_000


class Fuzz:
    """Spoiled messages without end."""

    def __init__(self, rng):
        self._rng = rng
        self._count = 0

    def messages(self, count):
        """That many, as (topic, key, value)."""
        return [self._message() for _ in range(count)]

    def _message(self):
        rng = self._rng
        self._count += 1
        if rng.random() < 0.002:
            return rng.choice([WEB, EMAIL]), None, rng.choice([None, MANY])
        topic = rng.choice([WEB, WEB, EMAIL, DECISIONS])
        payload = rng.choice([self._json, self._json, self._avro])(topic)
        for _ in range(rng.choice([0, 0, 1, 2, 3])):
            payload = self._spoiled(payload)
        return topic, rng.choice([None, rng.randbytes(5)]), payload

    def _value(self, type_="cookie"):
        number = self._rng.randrange(1_000)
        if type_ == "phone":
            return f"+44770090{number:04}"
        return f"{SECRET}{number}@shop.example" if type_ == "email" else f"{SECRET}{number}"

    def _json(self, topic):
        rng = self._rng
        if topic == DECISIONS:
            a, b = ({"type": type_, "value": self._value(type_)} for type_ in rng.choices(TYPES, k=2))
            verdict = rng.choice(["must_link", "cannot_link", "undo", "perhaps"])
            content = {"decision_id": f"d{self._count}", "decided_at": "2026-01-02T00:00:00Z"}
            content |= {"verdict": verdict, "a": a, "b": b}
        else:
            content = event(self._count, {type_: self._value(type_) for type_ in rng.sample(TYPES, 2)})
            if topic == EMAIL:
                content["outcome"] = "click"
            if rng.random() < 0.3:
                content["properties"] = {"surname": rng.choice(VALUES), "born": SECRET}
        if rng.random() < 0.5:
            inside = rng.choice([content, *(value for value in content.values() if isinstance(value, dict))])
            inside[rng.choice([*inside, "more"])] = rng.choice(VALUES)
        return text(content)

    def _avro(self, topic):
        values = [self._value(), self._value()]
        if topic == DECISIONS:
            a, b = (Identifier("cookie", value) for value in values)
            return encode(Decision(decision_id=f"b{self._count}", decided_at=NOW, verdict="undo", a=a, b=b))
        fields = {"event_id": f"a{self._count}", "occurred_at": NOW, "identifiers": {"cookie": values}}
        return encode(EmailEvent(**fields, outcome="open") if topic == EMAIL else WebEvent(**fields))

    def _spoiled(self, payload):
        rng = self._rng
        at = rng.randrange(len(payload) + 1)
        match rng.randrange(4):
            case 0:
                return payload[:at]
            case 1:
                return payload[:at] + rng.randbytes(rng.randrange(1, 4)) + payload[at + rng.randrange(4) :]
            case 2:
                return payload[:at] + rng.choice(PIECES) + payload[at + rng.randrange(4) :]
        tokens = re.split(rb'(["{}:,\[\]])', payload)
        tokens[rng.randrange(len(tokens))] = rng.choice(tokens)
        return b"".join(tokens)
