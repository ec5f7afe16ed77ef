"""The one place where a message is accepted or refused, for the stream and the batch alike."""

from typing import Any

import msgspec

from schemas.checks import check_clock, check_nul, check_size, checks_of
from schemas.errors import Malformed
from schemas.events import CustomerChange, CustomerTrigger, DeadLetter, Record
from schemas.json_form import JsonForm
from schemas.single_object import MARKER, single_object
from schemas.topics import TOPICS, Topic

_BOM = b"\xef\xbb\xbf"
_BYTES_AS_THEY_ARE = (bytes,)
_OPEN = ord("{")
# We write these ourselves, with times that have been checked before or that the broker gave.
_OURS = (CustomerChange, CustomerTrigger, DeadLetter)


class _Decoder:
    """Decodes what one topic carries; all that depends on the topic alone is looked up once."""

    def __init__(self, topic: Topic) -> None:
        self._record = topic.record
        self._most = topic.max_payload
        self._json: JsonForm[Any] = _JSON[topic.record]
        self._check = checks_of(topic.record)
        self._time = topic.record.TIME if topic.record not in _OURS else None

    def __call__(self, payload: bytes, ingested_at: int) -> Record:
        if len(payload) > self._most:
            check_size(payload, self._most)
        record = self._json.read(payload) if payload and payload[0] == _OPEN else self._other(payload)
        self._check(record)
        if self._time is not None:
            check_clock(self._time, getattr(record, self._time), ingested_at)
        return record

    def _other(self, payload: bytes) -> Record:
        if payload[:2] == MARKER:
            return _from_avro(self._record, payload)
        if (text := payload.removeprefix(_BOM).lstrip(b" \t\r\n"))[:1] == b"{":
            return self._json.read(text)  # type: ignore[no-any-return]
        raise Malformed("neither Avro (a single object, from C3 01 on) nor JSON (an object, from { on)")


_JSON: dict[type, JsonForm[Any]] = {topic.record: JsonForm(topic.record) for topic in TOPICS.values()}
_DECODERS = {topic.name: _Decoder(topic) for topic in TOPICS.values()}


def decode(topic: str, payload: bytes, ingested_at: int) -> Record:
    """Decode a message of a topic, taken in at `ingested_at` (microseconds since the epoch).

    The answer depends on the arguments alone, never on this machine or its clock. Raises Malformed
    for bytes that are no such record, and KeyError for a topic not in TOPICS.
    """
    return _DECODERS[topic](payload, ingested_at)


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
