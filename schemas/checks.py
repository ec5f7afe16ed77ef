"""The limits every message keeps to, whichever encoding it came in."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from schemas.errors import Malformed
from schemas.events import (
    Consent,
    CustomerChange,
    CustomerTrigger,
    Decision,
    EmailEvent,
    Erasure,
    Event,
    Identifier,
    Identifiers,
    Record,
    WebEvent,
)

MAX_ID = 256
MAX_IDENTIFIERS = 256
MAX_VALUE = 512
MAX_KIND = 64
MAX_NAME = 256
MAX_WORD = 64
MAX_PURPOSES = 64

_TYPE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOMBSTONE = re.compile(r"[0-9a-f]{32}")
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")

# An escaped NUL, and not an escaped backslash before the text "u0000".
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

# What a time may be: from 1990 to a day ahead of when it was taken in, in microseconds.
EARLIEST = 631_152_000_000_000
MOST_AHEAD = 86_400_000_000


def checks_of(record: type[Record]) -> Callable[[Any], None]:
    """What raises Malformed where a record of a type breaks a limit. Field types are taken as right."""
    return _CHECKS.get(record, _no_limits)


def check_clock(field: str, at: int, ingested_at: int) -> None:
    """Raise Malformed if a time cannot be true of a record taken in at `ingested_at` (microseconds)."""
    if at < EARLIEST:
        raise Malformed(f"{field}: is before 1990, from a clock that was never set: set the producer's clock")
    if at > ingested_at + MOST_AHEAD:
        raise Malformed(f"{field}: is in the future: fix the producer's clock")


def check_size(payload: bytes, limit: int) -> None:
    """Raise Malformed if a payload has more bytes than a limit."""
    if len(payload) > limit:
        raise Malformed(f"{len(payload)} bytes, at most {limit} are taken: split it")


def check_name(length: int) -> None:
    """Raise Malformed if a property's name, dots and all, has this many characters and that is too many."""
    if length > MAX_NAME:
        raise Malformed(f"properties: a name is longer than {MAX_NAME} characters")


def check_nul(json: bytes) -> None:
    """Raise Malformed if a string in this JSON text has a NUL, where some stores would cut it off."""
    if b"\\u0000" in json and _NUL.search(json):
        raise Malformed("a text contains a NUL character (U+0000): remove it")


def named(path: str, key: str) -> str:
    """Extend a path by a key, left out where the key is not a plain name and may be someone's address."""
    return f"{path}.{key}" if _TYPE_NAME.fullmatch(key) else f"{path}[…]"


def _no_limits(_record: object) -> None:
    """A dead letter must hold whatever came."""


def check_identifiers(identifiers: Identifiers) -> None:
    """Raise Malformed where an event's identifiers are too many, too long, or of a type with a bad name."""
    count = 0
    for type_, values in identifiers.items():
        _type_name(type_)
        for value in values:
            count += 1
            if len(value) > MAX_VALUE:
                raise Malformed(f"identifiers.{type_}: a value is longer than {MAX_VALUE} characters")
    if count > MAX_IDENTIFIERS:
        raise Malformed(f"identifiers: {count} in one event, at most {MAX_IDENTIFIERS} are taken: split it")


# Called a hundred thousand times a second: what is right is seen without a further call.
def _event(event: Event) -> None:
    if not 0 < len(event.event_id) <= MAX_ID:
        _id("event_id", event.event_id)
    _tenant(event.tenant)
    check_identifiers(event.identifiers)
    for name in event.properties:
        check_name(len(name))


def _web(event: WebEvent) -> None:
    _event(event)
    if len(event.kind) > MAX_KIND:
        raise Malformed(f"kind: is longer than {MAX_KIND} characters")

    if event.consent:
        _purposes(event.consent)


def _purposes(consent: Mapping[str, bool]) -> None:
    if len(consent) > MAX_PURPOSES:
        raise Malformed(f"consent: {len(consent)} purposes in one event, at most {MAX_PURPOSES} are taken")
    for purpose in consent:
        _purpose("consent: a purpose", purpose)


def _purpose(what: str, purpose: str) -> None:
    if not purpose.strip():
        raise Malformed(f"{what} is empty: name what is permitted, such as marketing")
    if len(purpose) > MAX_WORD:
        raise Malformed(f"{what} is longer than {MAX_WORD} characters")


def _consent(consent: Consent) -> None:
    _id("consent_id", consent.consent_id)
    _tenant(consent.tenant)
    check_identifiers(consent.identifiers)
    if not any(consent.identifiers.values()):
        raise Malformed("identifiers: names nobody: say whose word it is")
    _purpose("purpose:", consent.purpose)
    for name, most in (("channel", MAX_WORD), ("brand", MAX_WORD), ("locale", MAX_WORD), ("source", MAX_ID)):
        if len(getattr(consent, name)) > most:
            raise Malformed(f"{name}: is longer than {most} characters")
    if len(consent.proof) > MAX_VALUE:
        raise Malformed(f"proof: is longer than {MAX_VALUE} characters: keep it elsewhere, and send its hash")
    begin, end = consent.valid_from, consent.valid_until
    if consent.status == "withdrawn" and (begin is not None or end is not None):
        raise Malformed("a withdrawal holds until it is taken back: leave valid_from and valid_until out")
    if begin is not None and end is not None and end <= begin:
        raise Malformed("valid_until: is not after valid_from")


def _decision(decision: Decision) -> None:
    _id("decision_id", decision.decision_id)
    _tenant(decision.tenant)
    _identifiers((decision.a, decision.b))


def _erasure(erasure: Erasure) -> None:
    _id("erasure_id", erasure.erasure_id)
    _tenant(erasure.tenant)
    _identifiers(erasure.identifiers)
    if not all(map(_TOMBSTONE.fullmatch, erasure.tombstones)):
        raise Malformed("tombstones: must be of 32 digits of base 16 each")
    if not (erasure.identifiers or erasure.tombstones):
        raise Malformed("identifiers: whom to erase?")


def _change(change: CustomerChange) -> None:
    _id("change_id", change.change_id)
    _tenant(change.tenant)
    _identifiers(change.identifiers)


def _trigger(trigger: CustomerTrigger) -> None:
    _id("trigger_id", trigger.trigger_id)
    _tenant(trigger.tenant)


def _id(field: str, value: str) -> None:
    if not value:
        raise Malformed(f"{field}: is empty: give every message an id of its own, the same on a retry")
    if len(value) > MAX_ID:
        raise Malformed(f"{field}: is longer than {MAX_ID} characters")


@lru_cache(maxsize=1024)
def is_tenant(name: str) -> bool:
    """Whether a tenant may have this name."""
    return _TENANT.fullmatch(name) is not None


# The few names in use are seen over and over. What is wrong raises, and so never fills the cache.
@lru_cache(maxsize=1024)
def _tenant(name: str) -> None:
    if not is_tenant(name):
        raise Malformed("tenant: must be 1 to 64 of the characters A-Z a-z 0-9 _ -")


@lru_cache(maxsize=1024)
def _type_name(name: str) -> None:
    if not _TYPE_NAME.fullmatch(name):
        raise Malformed("identifiers: a type name must be 1 to 64 of the characters A-Z a-z 0-9 _ . -")


def _identifiers(identifiers: Iterable[Identifier]) -> None:
    for identifier in identifiers:
        _type_name(identifier.type)
        if len(identifier.value) > MAX_VALUE:
            raise Malformed(f"an identifier's value is longer than {MAX_VALUE} characters")


_CHECKS: Mapping[type, Callable[[Any], None]] = {
    WebEvent: _web,
    EmailEvent: _event,
    Consent: _consent,
    Decision: _decision,
    Erasure: _erasure,
    CustomerChange: _change,
    CustomerTrigger: _trigger,
}
