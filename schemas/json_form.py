"""Records as JSON: lenient where producers differ, exact in what comes out."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec.structs import asdict

from schemas.checks import check_name, check_nul, named
from schemas.errors import Malformed
from schemas.events import (
    MAX_TIME,
    MIN_TIME,
    Consent,
    EmailEvent,
    Identifiers,
    MaybeMicros,
    Micros,
    Properties,
    Record,
    WebEvent,
)
from schemas.reasons import reason

MAX_DEPTH = 32

R = TypeVar("R", bound=Record)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# What JSON may say for a field of each of these types.
_LOOSE: dict[Any, Any] = {
    Micros: Annotated[datetime, msgspec.Meta(tz=True)],
    MaybeMicros: Annotated[datetime, msgspec.Meta(tz=True)] | None,
    Identifiers: dict[str, str | list[str]],
    Properties: dict[str, Any],
}
# Times beside the one that says when it happened.
_MAYBE = ("valid_from", "valid_until")
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_AS_BRACES = bytes.maketrans(b"[]", b"{}")


class JsonForm(Generic[R]):
    """Reads and writes one type of record as JSON."""

    def __init__(self, record: type[R]) -> None:
        self._shape = _shape(record)
        self._decode = msgspec.json.Decoder(self._shape).decode
        self._build = _BUILD.get(record) or partial(_plain, record)

    def read(self, payload: bytes) -> R:
        """Decode one JSON object. Raises Malformed; the limits in `checks` are not looked at."""
        check_depth(payload)
        if not payload.isascii():
            _check_utf8(payload)  # the decoder does not look into what it skips
        if b"\\" in payload:  # elsewhere JSON allows no NUL
            check_nul(payload)
        try:
            raw = self._decode(payload)
        except msgspec.DecodeError as error:
            raise Malformed(reason(error, self._shape, payload)) from None
        record: R = self._build(raw)
        return record

    def write(self, record: R) -> bytes:
        """Encode one record as a JSON object, its time with a `Z`."""
        fields = asdict(record)
        for time in (record.TIME, *_MAYBE):
            if fields.get(time) is not None:
                fields[time] = _EPOCH + fields[time] * _MICROSECOND
        return msgspec.json.encode(fields)


def _shape(record: type[R]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for field in msgspec.structs.fields(record):
        loose = _LOOSE.get(field.type, field.type)
        if field.required:
            fields.append((field.name, loose))
        else:
            # The only factories here are those of an empty map or list, which msgspec copies itself.
            factory = field.default_factory
            fields.append((field.name, loose, field.default if factory is msgspec.NODEFAULT else factory()))
    if "properties" in record.__struct_fields__:
        fields.append(("attributes", dict[str, Any], {}))
    return msgspec.defstruct(record.__name__, fields, kw_only=True, gc=False)


# The two events are built by hand: they are what arrives a hundred thousand times a second.
def _web(raw: Any) -> WebEvent:  # noqa: ANN401 - a struct made by _shape
    return WebEvent(
        event_id=raw.event_id,
        tenant=raw.tenant,
        occurred_at=_micros("occurred_at", raw.occurred_at),
        site=raw.site,
        kind=raw.kind,
        identifiers=_lists(raw.identifiers),
        page=raw.page,
        properties=_properties(raw) if raw.properties or raw.attributes else {},
        consent=raw.consent,
    )


def _email(raw: Any) -> EmailEvent:  # noqa: ANN401
    return EmailEvent(
        event_id=raw.event_id,
        tenant=raw.tenant,
        occurred_at=_micros("occurred_at", raw.occurred_at),
        message_id=raw.message_id,
        campaign_id=raw.campaign_id,
        outcome=raw.outcome,
        identifiers=_lists(raw.identifiers),
        properties=_properties(raw) if raw.properties or raw.attributes else {},
    )


def _consent(raw: Any) -> Consent:  # noqa: ANN401
    fields = asdict(raw)
    for time in ("stated_at", *_MAYBE):
        if fields[time] is not None:
            fields[time] = _micros(time, fields[time])
    return Consent(**fields | {"identifiers": _lists(raw.identifiers)})


def _plain(record: type[R], raw: Any) -> R:  # noqa: ANN401
    fields = asdict(raw)
    fields[record.TIME] = _micros(record.TIME, fields[record.TIME])
    return record(**fields)


_BUILD: Mapping[type, Callable[[Any], Any]] = {WebEvent: _web, EmailEvent: _email, Consent: _consent}


def _micros(field: str, time: datetime) -> int:
    micros = (time - _EPOCH) // _MICROSECOND
    if not MIN_TIME <= micros <= MAX_TIME:  # its offset can carry it there
        raise Malformed(f"{field}: is outside the years 1 to 9999")
    return micros


def _lists(identifiers: dict[str, Any]) -> Identifiers:
    for type_, values in identifiers.items():
        if values.__class__ is str:
            identifiers[type_] = [values]
    return identifiers


def _properties(raw: Any) -> Properties:  # noqa: ANN401
    flat = _flatten("attributes", raw.attributes) if raw.attributes else {}
    return flat | _flatten("properties", raw.properties) if raw.properties else flat


def _flatten(path: str, nested: dict[str, Any], prefix: str = "") -> Properties:
    flat: Properties = {}
    for key, value in nested.items():
        match value:
            case str():
                flat[prefix + key] = value
            case None:
                pass
            case dict():
                # Before it is written out for each value: a long prefix must not multiply.
                check_name(len(prefix) + len(key))
                flat |= _flatten(named(path, key), value, f"{prefix}{key}.")
            case bool() | int() | float():
                flat[prefix + key] = msgspec.json.encode(value).decode().removesuffix(".0")
            case _:
                raise Malformed(
                    f"{named(path, key)}: expected a string, number, boolean or object, got array"
                )
    return flat


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 (byte {error.start}): save or send it as UTF-8") from None


def check_depth(payload: bytes) -> None:
    """Raise Malformed where JSON is nested deeper than MAX_DEPTH, or brackets are left open."""
    if payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:
        return
    # The decoder's own limit depends on how deep its caller's stack is; this one is the same everywhere.
    # Only brackets are left, and every round takes away the innermost pairs.
    braces = _TEXT.sub(b"", payload).translate(_AS_BRACES, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        braces = braces.replace(b"{}", b"")
    if braces:
        raise Malformed(f"not JSON, or nested deeper than {MAX_DEPTH}: every bracket must be closed")
