"""The contracts on the wire: what travels on which topic, and how it is read and written."""

from schemas.codec import decode, encode, encode_json
from schemas.errors import Malformed, SchemaError, Unavailable, WrongLine
from schemas.events import (
    Cause,
    ChangeKind,
    CustomerChange,
    DeadLetter,
    Decision,
    EmailEvent,
    Erasure,
    Event,
    Identifier,
    Outcome,
    Record,
    Verdict,
    WebEvent,
)
from schemas.lines import parse_line, read_lines
from schemas.topics import CHANGES, DEAD_LETTERS, DECISIONS, EMAIL, ERASURES, TOPICS, WEB, Topic

__all__ = [
    "CHANGES",
    "DEAD_LETTERS",
    "DECISIONS",
    "EMAIL",
    "ERASURES",
    "TOPICS",
    "WEB",
    "Cause",
    "ChangeKind",
    "CustomerChange",
    "DeadLetter",
    "Decision",
    "EmailEvent",
    "Erasure",
    "Event",
    "Identifier",
    "Malformed",
    "Outcome",
    "Record",
    "SchemaError",
    "Topic",
    "Unavailable",
    "Verdict",
    "WebEvent",
    "WrongLine",
    "decode",
    "encode",
    "encode_json",
    "parse_line",
    "read_lines",
]
