"""Files of events, one JSON object a line, as `ucid simulate` reads them."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from schemas.checks import check_size, checks_of
from schemas.errors import Malformed, WrongLine
from schemas.events import EmailEvent, WebEvent
from schemas.json_form import JsonForm
from schemas.topics import TOPICS, WEB

_BOM = b"\xef\xbb\xbf"
_MAX_LINE = TOPICS[WEB].max_payload
_web, _email = JsonForm(WebEvent).read, JsonForm(EmailEvent).read
_check_web, _check_email = checks_of(WebEvent), checks_of(EmailEvent)


class _Kind(msgspec.Struct):
    """What an e-mail event says, and no web event."""

    outcome: msgspec.Raw = msgspec.Raw(b"")


_kind = msgspec.json.Decoder(_Kind).decode


def parse_line(line: bytes, number: int) -> WebEvent | EmailEvent:
    """Read one line: an e-mail event if it has an `outcome`; `number`, from 1, is for the error alone.

    A file has no ingestion time, so occurred_at may be at any time. Raises WrongLine.
    """
    try:
        check_size(line, _MAX_LINE)
        if _has_outcome(line):
            email = _email(line)
            _check_email(email)
            return email
        event = _web(line)
        _check_web(event)
    except Malformed as wrong:
        raise WrongLine(number, wrong.reason) from None
    return event


def _has_outcome(line: bytes) -> bool:
    if b"outcome" not in line:
        return False
    try:
        return bool(_kind(line).outcome)
    except (msgspec.DecodeError, RecursionError):
        return False  # what is wrong with it, the form says


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, WebEvent | EmailEvent]]:
    """Read the lines of a binary file in order, with their numbers from 1.

    Blank lines and a leading BOM are passed over. Raises WrongLine.
    """
    # Not the file's own iteration, which would take a line of any length into memory.
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE + 2), b""), start=1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if text and not text.isspace():
            yield number, parse_line(text, number)
