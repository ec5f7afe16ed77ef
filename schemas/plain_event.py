"""Plain events: JSON that holds nothing to be careful about, read many at a time without building records.

Nearly all events are plain: ASCII, without an escape, their properties texts and no more. Of these only four
fields matter to who is who, and what stands in `identifiers` mostly stood in another event a moment ago, so
it stays bytes that a cache can know. Whatever is not plain, and whatever is wrong, is left to
`schemas.codec`, which alone refuses a message. A property test holds that both ways say the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from operator import methodcaller
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.checks import (
    EARLIEST,
    MAX_ID,
    MAX_KIND,
    MAX_NAME,
    MAX_PURPOSES,
    MAX_WORD,
    MOST_AHEAD,
    check_identifiers,
    is_tenant,
)
from schemas.errors import Malformed
from schemas.events import EmailEvent, Identifiers, Micros, Properties, WebEvent
from schemas.json_form import MAX_DEPTH

# Bytes together: below what a single message may have, so none needs to be measured.
_MOST = 1 << 19

# Between the identifiers of two events, while all are turned into bytes at once. JSON has none.
_NUL = b"\0"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = _EPOCH + EARLIEST * _MICROSECOND
# By field or by the type of a field: as JSON says it, but no more of it than a plain event may have.
_LEAN: dict[Any, Any] = {
    "event_id": Annotated[str, Meta(min_length=1, max_length=MAX_ID)],
    "kind": Annotated[str, Meta(max_length=MAX_KIND)],
    "consent": Annotated[
        dict[Annotated[str, Meta(pattern=rf"^\S.{{0,{MAX_WORD - 1}}}$")], bool], Meta(max_length=MAX_PURPOSES)
    ]
    | UnsetType,
    Identifiers: msgspec.Raw,
    Micros: Annotated[datetime, Meta(tz=True)],
    "properties": dict[Annotated[str, Meta(max_length=MAX_NAME)], str] | UnsetType,
    # An empty map says as little as none.
    "attributes": Annotated[dict[str, Any], Meta(max_length=0)] | UnsetType,
}
_objects, _lists = methodcaller("count", b"{"), methodcaller("count", b"[")
_IDENTIFIERS = b'"identifiers"'


class Plain(Protocol):
    """What is read of a plain event."""

    event_id: str
    tenant: str
    occurred_at: datetime
    properties: Properties | UnsetType


class PlainEvents(NamedTuple):
    """Plain events; the i-th of `times` and of `identifiers`, which are JSON, is of the i-th event."""

    events: Sequence[Plain]
    times: Sequence[datetime]
    identifiers: Sequence[bytes]
    tenants: set[str]

    def only(self, keep: Sequence[bool]) -> "PlainEvents":
        """Those of them that are to be kept."""
        events = [*compress(self.events, keep)]
        times, identifiers = compress(self.times, keep), compress(self.identifiers, keep)
        return PlainEvents(events, [*times], [*identifiers], {event.tenant for event in events})


class PlainForm:
    """Reads the plain events of one type."""

    def __init__(self, record: type[WebEvent | EmailEvent]) -> None:
        fields: list[Any] = [
            _lean(field) for field in (*msgspec.structs.fields(record), *msgspec.structs.fields(_Attributes))
        ]
        shape = msgspec.defstruct(f"Plain{record.__name__}", fields, kw_only=True, gc=False)
        self._decode = msgspec.json.Decoder(shape).decode

    def read(self, payloads: Sequence[bytes | None], ingested_at: int) -> PlainEvents | None:
        """Read events, the first of them taken in at `ingested_at` (microseconds since the epoch).

        None if one of them is not plain or there is none. `identifiers` are not looked into.
        """
        if not payloads or None in payloads:
            return None
        together = b"".join(payloads)  # type: ignore[arg-type]
        if (
            len(together) > _MOST
            or b"\\" in together
            or not together.isascii()
            # Where the key stands twice, only the last value would be looked into.
            or together.count(_IDENTIFIERS) != len(payloads)
            or _may_be_deep(together, payloads)
        ):
            return None
        try:
            events: list[Any] = [*map(self._decode, payloads)]  # type: ignore[arg-type]
        except (msgspec.DecodeError, RecursionError):
            return None
        times = [event.occurred_at for event in events]
        if min(times) < _EARLIEST or micros(max(times)) > ingested_at + MOST_AHEAD:
            return None
        tenants = {event.tenant for event in events}
        identifiers = _NUL.join([event.identifiers for event in events]).split(_NUL)
        if not all(map(is_tenant, tenants)) or len(identifiers) != len(events):
            return None
        return PlainEvents(events, times, identifiers, tenants)


def _may_be_deep(together: bytes, payloads: Sequence[bytes | None]) -> bool:
    """Whether one of these may be nested too deeply to be read; if none may, it takes but two looks."""
    # Each of the others opens at least two objects, itself and its identifiers, or cannot be read anyway.
    opened = together.count(b"{") + together.count(b"[")
    if opened <= MAX_DEPTH + 2 * (len(payloads) - 1):
        return False
    return bool(max(map(_objects, payloads)) + max(map(_lists, payloads)) > MAX_DEPTH)


class _Attributes(msgspec.Struct):
    """The other name of properties."""

    attributes: Properties = {}


def _lean(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    type_ = _LEAN.get(field.name) or _LEAN.get(field.type, field.type)
    if field.required:
        return field.name, type_
    if field.default is msgspec.NODEFAULT:
        return field.name, type_ | UnsetType, UNSET  # not even an empty map is made
    return field.name, type_, field.default


def micros(time: datetime) -> int:
    """Microseconds since the epoch."""
    return (time - _EPOCH) // _MICROSECOND


_identifiers = msgspec.json.Decoder(dict[str, str | list[str]]).decode


def plain_identifiers(raw: bytes) -> Identifiers | None:
    """The values by type in a plain event's `identifiers`; None where one breaks a limit or is no string."""
    try:
        found = _identifiers(raw)
    except msgspec.DecodeError:
        return None
    identifiers = {type_: [values] if isinstance(values, str) else values for type_, values in found.items()}
    try:
        check_identifiers(identifiers)
    except Malformed:
        return None
    return identifiers
