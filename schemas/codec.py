"""The one place where a message is accepted or refused, for the stream and the batch alike."""

from typing import Any

import msgspec

from schemas.checks import check, check_clock, check_nul, check_size
from schemas.errors import Malformed
from schemas.events import CustomerChange, DeadLetter, Record
from schemas.json_form import JsonForm
from schemas.single_object import MARKER, single_object
from schemas.topics import TOPICS

_BOM = b"\xef\xbb\xbf"
_BYTES_AS_THEY_ARE = (bytes,)
_JSON: dict[type, JsonForm[Any]] = {topic.record: JsonForm(topic.record) for topic in TOPICS.values()}
# We write these ourselves, with times that have been checked before or that the broker gave.
_OURS = (CustomerChange, DeadLetter)


def decode(topic: str, payload: bytes, ingested_at: int) -> Record:
    """Decode a message of a topic, taken in at `ingested_at` (microseconds since the epoch).

    The answer depends on the arguments alone, never on this machine or its clock. Raises Malformed
    for bytes that are no such record, and KeyError for a topic not in TOPICS.
    """
    carries = TOPICS[topic]
    check_size(payload, carries.max_payload)
    if payload[:1] == b"{":
        record: Record = _JSON[carries.record].read(payload)
    elif payload[:2] == MARKER:
        record = _from_avro(carries.record, payload)
    elif (text := payload.removeprefix(_BOM).lstrip(b" \t\r\n"))[:1] == b"{":
        record = _JSON[carries.record].read(text)
    else:
        raise Malformed("neither Avro (a single object, from C3 01 on) nor JSON (an object, from { on)")
    check(record)
    if not isinstance(record, _OURS):
        check_clock(record, ingested_at)
    return record


def encode(record: Record) -> bytes:
    """Encode a record as an Avro single object. A record of wrong field types raises what fastavro raises."""
    fields: dict[str, Any] = msgspec.to_builtins(record, builtin_types=_BYTES_AS_THEY_ARE)
    return single_object(record.SCHEMA).write(fields)


def encode_json(record: Record) -> bytes:
    """Encode a record as JSON: times in RFC 3339 with a Z, bytes in base64."""
    return _JSON[type(record)].write(record)


def _from_avro(record: type[Record], payload: bytes) -> Record:
    fields = single_object(record.SCHEMA).read(payload)
    try:
        decoded = msgspec.convert(fields, record)
    except msgspec.ValidationError:
        # Avro made sure of the types; numbers out of range are all that is left.
        raise Malformed("Avro: a number or time is out of range") from None
    check_nul(msgspec.json.encode(decoded))  # one pass in C over every string
    return decoded
