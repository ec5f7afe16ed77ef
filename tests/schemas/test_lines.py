"""Events files: one JSON object a line."""

import io

import pytest

from schemas import EmailEvent, WebEvent, WrongLine, parse_line, read_lines

LINE = (
    b'{"event_id": "e1", "occurred_at": "2026-01-01T00:00:00Z", '
    b'"identifiers": {"crm": "Tom", "cookie": ["1", "2"]}}'
)
EMPTY = "is empty: give every message an id of its own, the same on a retry"
NAIVE = "has no time zone: add Z or an offset, as 2026-01-01T00:00:00Z"
EVENT = WebEvent(
    event_id="e1", occurred_at=1_767_225_600_000_000, identifiers={"crm": ["Tom"], "cookie": ["1", "2"]}
)


def test_a_line_is_a_web_event_with_defaults():
    assert parse_line(LINE, 1) == EVENT
    assert parse_line(b"  " + LINE + b"\r\n", 1) == EVENT


def test_a_file_has_no_clock_to_be_compared_with():
    assert parse_line(LINE.replace(b"2026", b"1970"), 1).occurred_at == 0
    assert parse_line(LINE.replace(b"2026", b"9999"), 1).occurred_at > EVENT.occurred_at


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            LINE.replace(b'["1", "2"]', b"17"),
            "identifiers.cookie: expected a string or a list of strings, got int",
        ),
        (LINE.replace(b"e1", b""), f"event_id: {EMPTY}"),
        (LINE.replace(b"00Z", b"00"), f"occurred_at: {NAIVE}"),
        (LINE[:-1], "not JSON: input data was truncated"),
        (b"hello", "not JSON: invalid character (byte 0)"),
        (b'["Tom"]', "expected an object, got array"),
        (b"\xff\xfe{\0", "not UTF-8 (byte 0): save or send it as UTF-8"),
        (LINE + b" " * (1 << 20), "1048686 bytes, at most 1048576 are taken: split it"),
    ],
)
def test_a_wrong_line_says_where_and_what(line, reason):
    with pytest.raises(WrongLine) as caught:
        parse_line(line, 17)
    assert (caught.value.number, caught.value.reason) == (17, reason)
    assert str(caught.value) == f"line 17: {reason}"


def test_blank_lines_and_a_byte_order_mark_are_skipped():
    file = io.BytesIO(b"\xef\xbb\xbf" + LINE + b"\n\n  \t\r\n" + LINE)
    assert list(read_lines(file)) == [(1, EVENT), (4, EVENT)]
    assert list(read_lines(io.BytesIO(b""))) == []
    assert list(read_lines(io.BytesIO(b"\xef\xbb\xbf\n"))) == []


def test_blank_lines_count():
    with pytest.raises(WrongLine, match="line 3: "):
        list(read_lines(io.BytesIO(LINE + b"\n\n?\n")))


def test_a_line_with_an_outcome_is_an_email_event():
    line = LINE.replace(b"{", b'{"outcome": "click", ', 1)
    read = parse_line(line, 1)
    assert isinstance(read, EmailEvent)
    assert (read.outcome, read.identifiers) == ("click", EVENT.identifiers)
    within = line.replace(b'"outcome": "click"', b'"page": "outcome"')
    assert isinstance(parse_line(within, 1), WebEvent)
    with pytest.raises(WrongLine, match="outcome"):
        parse_line(line.replace(b"click", b"lost"), 1)
