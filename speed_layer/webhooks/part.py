"""Reading what services write: JSON by dotted paths, with errors that name a path and no value."""

from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

import msgspec

from schemas import Malformed
from schemas.events import MAX_TIME, MIN_TIME
from schemas.json_form import check_depth

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS = 1_000_000

# Of a number of seconds: beyond it is one of milliseconds, for that many seconds are the year 5138.
_MILLISECONDS_FROM = 100_000_000_000

_decode = msgspec.json.Decoder().decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Part:
    """One event as the service wrote it."""

    def __init__(self, raw: bytes) -> None:
        """Raise Malformed where `raw` is no JSON object."""
        check_depth(raw)
        try:
            content = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Malformed("not JSON in UTF-8") from None
        if not isinstance(content, dict):
            raise Malformed("expected a JSON object")
        self._content = content

    def find(self, path: str) -> Any:  # noqa: ANN401 - whatever the service wrote
        """What stands at a path such as `message.headers.message-id`; None where nothing does."""
        found: Any = self._content
        for key in path.split("."):
            if not isinstance(found, dict):
                return None
            found = found.get(key)
        return found

    def text(self, path: str, default: str | None = None) -> str:
        """The text or number at a path, the first where it is a list.

        Raises Malformed where there is none and no `default` is given.
        """
        found = self.find(path)
        if isinstance(found, list):
            found = found[0] if found else None
        if isinstance(found, str) and found:
            return found
        if isinstance(found, int | float) and not isinstance(found, bool):
            return msgspec.json.encode(found).decode()
        if default is not None:
            return default
        raise Malformed(f"{path}: is missing" if found in (None, "") else f"{path}: expected a text")

    def address(self, path: str) -> str:
        """The e-mail address at a path, without a name beside it. Raises Malformed."""
        return plain_address(path, self.text(path))

    def time(self, path: str) -> int:
        """The time at a path, in microseconds. Raises Malformed."""
        return moment(path, self.find(path))


def plain_address(path: str, text: str) -> str:
    """The address in `Ann <ann@example.com>`; `path` is for the error. Raises Malformed."""
    if address := parseaddr(text)[1]:
        return address
    raise Malformed(f"{path}: is no e-mail address")


def moment(path: str, value: object) -> int:
    """Seconds or milliseconds since 1970, or RFC 3339, as microseconds; `path` is for the error.

    Raises Malformed.
    """
    try:
        found = _micros(value)
    except (ValueError, OverflowError):
        found = None
    if found is None or not MIN_TIME <= found <= MAX_TIME:
        raise Malformed(f"{path}: is missing" if value is None else f"{path}: expected a time")
    return found


def _micros(value: object) -> int | None:
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        time = datetime.fromisoformat(value)
        return (time - _EPOCH) // _MICROSECOND if time.tzinfo else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    seconds = float(value) if isinstance(value, str) and "." in value else value
    number = int(seconds) if isinstance(seconds, str) else seconds
    if abs(number) >= _MILLISECONDS_FROM:
        return round(number * 1_000)
    return round(number * _MICROSECONDS)


def objects(raw: bytes, path: str = "") -> list[bytes]:
    """The objects of a JSON list, or one alone, each as it came; `path` is where the list stands.

    Raises Malformed.
    """
    check_depth(raw)
    try:
        for key in path.split(".") if path else ():
            raw = bytes(_decode_object(raw)[key])
        return [bytes(one) for one in _decode_list(raw)] if raw.lstrip()[:1] == b"[" else [raw]
    except KeyError:
        raise Malformed(f"{path}: is missing") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("not JSON in UTF-8") from None
