"""Striking the erased out of a message: what is left says of everybody else what it said before."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from typing import cast

import msgspec

from identity import Facts, Identifier, Observer, UnknownTypeError
from identity.identifier import Screened
from identity.tombstones import Tombstones
from schemas.absorb import accept
from schemas.codec import encode
from schemas.errors import Malformed
from schemas.events import Absorbed, Consent, Decision, Event
from schemas.events import Identifier as Named

# What a record tells of those whom it names, and as what it is left.
_TOLD: Mapping[str, object] = {"properties": {}, "page": "", "proof": ""}


def rewritten(
    topic: str,
    value: bytes | None,
    ingested_at: int,
    observer: Observer,
    erased: Mapping[str, Tombstones],
    values: Mapping[str, list[str]],
) -> bytes | None:
    """A message as it is without the erased; None where it names none.

    It says what `schemas.absorb` makes of it with the tombstones, which it needs no more. What is no record
    is left empty if it has a value of one who is erased.
    """
    try:
        record = accept(topic, value, ingested_at)
    except Malformed:
        return b"" if tells(value or b"", chain.from_iterable(values.values())) else None
    tombstones = erased.get(record.tenant)
    if tombstones is None:
        return None
    left = _left(record, ingested_at, observer, tombstones)
    if isinstance(left, Consent) and not left.identifiers:
        return b""  # the word of nobody
    return None if left is None else encode(left)


def struck(record: Absorbed, ingested_at: int, observer: Observer, tombstones: Tombstones | None) -> Absorbed:
    """A record as it would be rewritten, for who asks what it claims; itself where it names nobody erased."""
    if not tombstones or ingested_at > tombstones.newest:
        return record
    return _left(record, ingested_at, observer, tombstones) or record


def tells(text: bytes, values: Iterable[str]) -> bool:
    """Whether what is no record has one of these values in it."""
    text = text.lower()
    return any(value.lower().encode() in text for value in values)


def _left(record: Absorbed, ingested_at: int, observer: Observer, tombstones: Tombstones) -> Absorbed | None:
    if isinstance(record, Decision):
        ends = [_end(observer, end, ingested_at, tombstones) for end in (record.a, record.b)]
        if ends == [record.a, record.b]:
            return None
        return msgspec.structs.replace(record, a=ends[0], b=ends[1], why="")
    properties = {} if isinstance(record, Consent) else record.properties
    if not names(observer, record.identifiers, properties, ingested_at, tombstones):
        return None
    identifiers = {
        type_: [raw for raw in raws if not _is_erased(observer, type_, raw, ingested_at, tombstones)]
        for type_, raws in record.identifiers.items()
    }
    return without(record, {type_: raws for type_, raws in identifiers.items() if raws})


def without(record: Event | Consent, identifiers: Mapping[str, list[str]]) -> Absorbed:
    """A record with these identifiers alone, and nothing that it tells of those whom it named."""
    told = {name: empty for name, empty in _TOLD.items() if hasattr(record, name)}
    return cast("Absorbed", msgspec.structs.replace(record, identifiers=dict(identifiers), **told))


def _end(observer: Observer, end: Named, ingested_at: int, tombstones: Tombstones) -> Named:
    if not _is_erased(observer, end.type, end.value, ingested_at, tombstones):
        return end
    return Named(*tombstones.mask(identify(observer, end.type, end.value)[0]))


def _is_erased(observer: Observer, type_: str, raw: str, ingested_at: int, tombstones: Tombstones) -> bool:
    return tombstones.erases(identify(observer, type_, raw)[0], ingested_at)


def identify(observer: Observer, type_: str, raw: str) -> Screened:
    """What a raw value means; of a type that no rule names, itself, and it can link nobody."""
    try:
        return observer.identify(type_, raw)
    except UnknownTypeError:
        return Identifier(type_, raw), "no rule names its type"


def names(
    observer: Observer,
    identifiers: Mapping[str, list[str]],
    attributes: Mapping[str, str],
    at: int,
    tombstones: Tombstones,
) -> bool:
    """Whether identifiers, or what attributes make, are of somebody who is erased; told at `at`."""
    if any(_is_erased(observer, t, raw, at, tombstones) for t, raws in identifiers.items() for raw in raws):
        return True
    found: list[Identifier] = []
    with suppress(UnknownTypeError):
        found = observer.observe(Facts(), {}, attributes, at, at) if attributes else []
    return any(tombstones.erases(x, at) for x in found)
