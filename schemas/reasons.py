"""From a decoder's complaint to what a producer should fix, without a value in it."""

import re
from typing import Any

import msgspec

from schemas.checks import named

_EXAMPLE = "2026-01-01T00:00:00Z"
_TIME = f"a time such as {_EXAMPLE}"
_EXPECTED = re.compile(r"Expected `(?P<want>[a-z |]+)`, got `(?P<got>[a-z]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
_WANTED = {
    "str | array": "a string or a list of strings",
    "str": "a string",
    "array": "a list",
    "object": "an object",
    "int": "a whole number",
    "bool": "true or false",
    "datetime": _TIME,
    "bytes": "a base64 string",
}
_OTHER = {
    "Invalid RFC3339 encoded datetime": f"expected {_TIME}",
    "Expected `datetime` with a timezone component": f"has no time zone: add Z or an offset, as {_EXAMPLE}",
    "Invalid base64 encoded string": "expected a base64 string",
    "Invalid enum value": "is none of the known values",
    "out of range": "is a number out of range",
    "Expected `int`": "is a number out of range",
}


def reason(error: msgspec.DecodeError, shape: Any, payload: bytes) -> str:  # noqa: ANN401
    """Say what is wrong with a JSON payload that failed to decode as the given type."""
    if not isinstance(error, msgspec.ValidationError):
        # These say what and where, and quote nothing.
        return f"not JSON: {str(error).removeprefix('JSON is malformed: ').lower()}"
    complaint, _, path = str(error).partition(" - at `$")
    path = _resolve(path.removesuffix("`").lstrip("."), shape, payload)
    if missing := _MISSING.fullmatch(complaint):
        field = missing["field"]
        return f"{path}.{field}: is missing" if path else f"{field}: is missing"
    return f"{path}: {_fault(complaint)}" if path else _fault(complaint)


def _fault(complaint: str) -> str:
    if match := _EXPECTED.fullmatch(complaint):
        want, got = match["want"], match["got"]
        return f"expected {_WANTED.get(want, want)}, got {got}"
    # The rest may quote what it found, so only what is known is said.
    return next((text for start, text in _OTHER.items() if start in complaint), "is not valid")


def _resolve(path: str, shape: Any, payload: bytes) -> str:  # noqa: ANN401
    """Put the key at fault where the decoder writes `[...]` for some key of a map."""
    field, is_map, rest = path.partition("[...]")
    if not is_map:
        return path
    return _culprit(field, shape, payload) + rest.replace("[...]", "[…]")


def _culprit(field: str, shape: Any, payload: bytes) -> str:  # noqa: ANN401
    type_ = next(f.type for f in msgspec.structs.fields(shape) if f.name == field)
    try:
        # Read again without types: there may be more faults, or the field may be there twice.
        entries = msgspec.convert(msgspec.json.decode(payload)[field], dict[str, Any])
    except msgspec.DecodeError:
        return f"{field}[…]"
    for key, value in entries.items():
        try:
            msgspec.convert({key: value}, type_)
        except msgspec.ValidationError:
            return named(field, key)
    return f"{field}[…]"
