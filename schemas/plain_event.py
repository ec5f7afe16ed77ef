"""Plain events: JSON that holds nothing to be careful about, read without building a record.

Nearly all events are plain: short, ASCII, without an escape, with no properties. Of these only four fields
matter to who is who, and what stands in `identifiers` mostly stood in another event a moment ago, so it
stays bytes that a cache knows. Whatever is not plain, and whatever is wrong, is left to `schemas.codec`,
which alone refuses a message. A property test holds that both ways say the same.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from schemas.checks import EARLIEST, MAX_ID, MAX_KIND, MOST_AHEAD, is_tenant
from schemas.events import EmailEvent, Identifiers, Micros, Properties, WebEvent
from schemas.json_form import MAX_DEPTH

# Longer ones are rare, and may have whatever it is that makes them long.
_MOST = 2_048
_OPEN = ord("{")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAN: dict[Any, Any] = {
    Identifiers: msgspec.Raw,
    Micros: Annotated[datetime, msgspec.Meta(tz=True)],
    Properties: dict[str, Any] | UnsetType,
}


class PlainEvent(NamedTuple):
    """What a plain event says: `identifiers` is JSON, `occurred_at` microseconds since the epoch."""

    event_id: str
    tenant: str
    occurred_at: int
    identifiers: bytes


class PlainForm:
    """Reads the plain events of one type."""

    def __init__(self, record: type[WebEvent | EmailEvent]) -> None:
        fields: list[Any] = []
        for field in msgspec.structs.fields(record):
            type_ = _LEAN.get(field.type, field.type)
            if field.required:
                fields.append((field.name, type_))
            else:
                default = UNSET if field.type == Properties else field.default
                lazily = default is msgspec.NODEFAULT
                fields.append(
                    (field.name, type_ | UnsetType if lazily else type_, UNSET if lazily else default)
                )
        fields.append(("attributes", dict[str, Any] | UnsetType, UNSET))
        shape = msgspec.defstruct(f"Plain{record.__name__}", fields, kw_only=True, gc=False)
        self._decode = msgspec.json.Decoder(shape).decode
        self._has_kind = "kind" in record.__struct_fields__

    def read(self, payload: bytes, ingested_at: int) -> PlainEvent | None:
        """The event, or None if it is not plain. `identifiers` was not looked into."""
        if (
            not 0 < len(payload) <= _MOST
            or payload[0] != _OPEN
            or b"\\" in payload
            or not payload.isascii()
            or payload.count(b"{") + payload.count(b"[") > MAX_DEPTH
        ):
            return None
        try:
            raw: Any = self._decode(payload)
        except msgspec.DecodeError:
            return None
        event_id = raw.event_id
        occurred_at = (raw.occurred_at - _EPOCH) // _MICROSECOND
        if (
            raw.properties is not UNSET
            or raw.attributes is not UNSET
            or not 0 < len(event_id) <= MAX_ID
            or not EARLIEST <= occurred_at <= ingested_at + MOST_AHEAD
            or not is_tenant(raw.tenant)
            or (self._has_kind and len(raw.kind) > MAX_KIND)
        ):
            return None
        return PlainEvent(event_id, raw.tenant, occurred_at, bytes(raw.identifiers))
