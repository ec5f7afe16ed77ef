"""Plain events: JSON that holds nothing to be careful about, read many at a time without building records.

Nearly all events are plain: ASCII, without an escape, with no properties. Of these only four fields matter
to who is who, and what stands in `identifiers` mostly stood in another event a moment ago, so it stays
bytes that a cache can know. Whatever is not plain, and whatever is wrong, is left to `schemas.codec`,
which alone refuses a message. A property test holds that both ways say the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter, methodcaller
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from schemas.checks import EARLIEST, MAX_ID, MAX_KIND, MOST_AHEAD, check_identifiers, is_tenant
from schemas.errors import Malformed
from schemas.events import EmailEvent, Identifiers, Micros, Properties, WebEvent
from schemas.json_form import MAX_DEPTH

# Bytes together: below what a single message may have, so none needs to be measured.
_MOST = 1 << 19

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = _EPOCH + EARLIEST * _MICROSECOND
_LEAN: dict[Any, Any] = {
    Identifiers: msgspec.Raw,
    Micros: Annotated[datetime, msgspec.Meta(tz=True)],
    Properties: dict[str, Any] | UnsetType,
}
_objects, _lists = methodcaller("count", b"{"), methodcaller("count", b"[")
_IDENTIFIERS = b'"identifiers"'


class PlainEvents(NamedTuple):
    """What plain events say, by column: the i-th of each is of the i-th event; `identifiers` is JSON."""

    event_ids: Sequence[str]
    tenants: Sequence[str]
    times: Sequence[datetime]
    identifiers: Sequence[bytes]


class PlainForm:
    """Reads the plain events of one type."""

    def __init__(self, record: type[WebEvent | EmailEvent]) -> None:
        fields: list[Any] = [
            _lean(field) for field in (*msgspec.structs.fields(record), *msgspec.structs.fields(_Attributes))
        ]
        shape = msgspec.defstruct(f"Plain{record.__name__}", fields, kw_only=True, gc=False)
        self._decode = msgspec.json.Decoder(shape).decode
        kind = "kind" if "kind" in record.__struct_fields__ else "event_id"
        self._columns = attrgetter(
            "event_id", "tenant", "occurred_at", "identifiers", "properties", "attributes", kind
        )
        self._longest_kind = MAX_KIND if kind == "kind" else MAX_ID

    def read(self, payloads: Sequence[bytes | None], ingested_at: int) -> PlainEvents | None:
        """Read events, the first of them taken in at `ingested_at` (microseconds since the epoch).

        None if one of them is not plain or there is none. `identifiers` are not looked into.
        """
        if not payloads or None in payloads:
            return None
        together = b"".join(payloads)  # type: ignore[arg-type]
        if len(together) > _MOST or b"\\" in together or not together.isascii():
            return None
        # Where the key stands twice, only the last value would be looked into.
        twice = together.count(_IDENTIFIERS) != len(payloads)
        if twice or max(map(_objects, payloads)) + max(map(_lists, payloads)) > MAX_DEPTH:
            return None
        try:
            rows = [self._columns(event) for event in map(self._decode, payloads)]  # type: ignore[arg-type]
        except msgspec.DecodeError:
            return None
        ids, tenants, times, identifiers, properties, attributes, kinds = zip(*rows, strict=True)
        if (
            any(properties)  # an empty map says as little as none
            or any(attributes)
            or not all(ids)
            or max(map(len, ids)) > MAX_ID
            or max(map(len, kinds)) > self._longest_kind
            or not all(map(is_tenant, set(tenants)))
            or min(times) < _EARLIEST
            or micros(max(times)) > ingested_at + MOST_AHEAD
        ):
            return None
        return PlainEvents(ids, tenants, times, [*map(bytes, identifiers)])


class _Attributes(msgspec.Struct):
    """The other name of properties."""

    attributes: Properties = {}


def _lean(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    type_ = _LEAN.get(field.type, field.type)
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
