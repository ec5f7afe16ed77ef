"""Files of web events, one JSON object a line, as `ucid simulate` and `ucid ingest` read them."""

from collections.abc import Iterator
from typing import BinaryIO

from schemas.checks import check_size, checks_of
from schemas.errors import Malformed, WrongLine
from schemas.events import WebEvent
from schemas.json_form import JsonForm
from schemas.topics import TOPICS, WEB

_BOM = b"\xef\xbb\xbf"
_MAX_LINE = TOPICS[WEB].max_payload
_read = JsonForm(WebEvent).read
_check = checks_of(WebEvent)


def parse_line(line: bytes, number: int) -> WebEvent:
    """Read one line; `number`, from 1, is for the error alone.

    A file has no ingestion time, so occurred_at may be at any time. Raises WrongLine.
    """
    try:
        check_size(line, _MAX_LINE)
        event = _read(line)
        _check(event)
    except Malformed as wrong:
        raise WrongLine(number, wrong.reason) from None
    return event


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, WebEvent]]:
    """Read the lines of a binary file in order, with their numbers from 1.

    Blank lines and a leading BOM are passed over. Raises WrongLine.
    """
    # Not the file's own iteration, which would take a line of any length into memory.
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE + 2), b""), start=1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if text and not text.isspace():
            yield number, parse_line(text, number)
