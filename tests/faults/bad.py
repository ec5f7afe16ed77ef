"""Messages that nobody should send, one of each kind, and what their senders are told."""

import json

from schemas import WebEvent, encode

# Stands in values, so that it can be told whether one of them got into an error. It is no field's name, for
# names of fields are told.
SECRET = "Secret!"

_MIB = 1 << 20


def event(number, identifiers=None, **fields):
    """A valid one, as a dictionary."""
    identifiers = identifiers or {"login": f"{SECRET}{number % 1_000}", "cookie": f"{SECRET}c{number}"}
    return {
        "event_id": f"e{number}",
        "occurred_at": "2026-01-01T00:00:00Z",
        "identifiers": identifiers,
        **fields,
    }


def text(content):
    """JSON as sloppy producers write it: NaN and lone surrogates included."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _at(when):
    return text(event(1, occurred_at=when))


def _avro_not_utf8():
    sound = encode(WebEvent(event_id="e", occurred_at=10**15, identifiers={"login": ["abcdef"]}))
    return sound.replace(b"abcdef", b"abc\xffef")


HUGE = text(event(1, {"login": SECRET + "x" * 10 * _MIB}))
MANY = text(event(1, {"cookie": [f"{SECRET}{n}" for n in range(10_000)]}))

# Name -> what is sent, and what the reason must say: what is wrong, where, and (mostly) what to do.
NAMED = {
    "bad UTF-8": (text(event(1)).replace(SECRET.encode(), b"\xff\xfe", 1), "not UTF-8"),
    "bad UTF-8 in Avro": (_avro_not_utf8(), "Avro: a string is not UTF-8"),
    "10 MB": (HUGE, r"at most \d+ are taken: split it"),
    "deep nesting": (b'{"properties": ' * 10_000 + b"1" + b"}" * 10_000, "nested"),
    "deeper brackets": (b"[" * 100_000, "neither Avro .* nor JSON"),
    "NaN": (text(event(1, properties={"height": float("nan")})), "not JSON"),
    "1970": (_at("1970-01-01T00:00:00Z"), "occurred_at: .*before 1990.*set the producer's clock"),
    "2099": (_at("2099-01-01T00:00:00Z"), "occurred_at: .*in the future: fix the producer's clock"),
    "no time zone": (_at("2026-01-01T00:00:00"), "occurred_at: has no time zone: add Z"),
    "an unknown schema": (b"\xc3\x01" + b"\x07" * 30, "fingerprint 0707070707070707 is no known version"),
    "100 kB in one identifier": (
        text(event(1, {"cookie": SECRET + "x" * 100_000})),
        "identifiers.cookie: a value is longer than 512 characters",
    ),
    "10,000 identifiers": (MANY, "identifiers: 10000 in one event, at most 256 are taken: split it"),
    "an unknown type": (text(event(1, {"passport": SECRET})), "'passport': add it to the rules"),
    "no JSON": (b"Dear " + SECRET.encode(), "neither Avro .* nor JSON"),
    "an empty body": (b"", "neither Avro .* nor JSON"),
    "no id": (text(event(1)).replace(b"event_id", b"id", 1), "event_id: is missing"),
    "a NUL": (text(event(1, {"login": f"{SECRET}\0"})), r"NUL character \(U\+0000\): remove it"),
}
