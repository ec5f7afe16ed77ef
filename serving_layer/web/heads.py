"""Heads of requests, remembered: who asks again and again sends the same bytes in front of each body.

What they say was worked out once, by uvicorn's parser and the table of routes, for a request that was
answered in the usual way. Bytes that are the same say the same; whether the key is valid is looked at each
time.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from serving_layer.web.application import Application, Ticket
from serving_layer.web.message import Response

# What ends a head.
END: Final = b"\r\n\r\n"

# Heads that are remembered, about a kilobyte each: some hundred keys with bodies of all usual sizes. When
# there are more, all are forgotten.
MOST: Final = 4_096

Fields = Sequence[tuple[bytes, bytes]]

# What may stand in such a head but once, for what says the second one?
_ONCE: Final = {b"authorization", b"content-length", b"content-type"}

# What asks for more than an answer.
_MORE: Final = {b"transfer-encoding", b"expect", b"upgrade"}


class Head(NamedTuple):
    """A head of `size` bytes, of a request of `whole` bytes with its body, and what it says."""

    size: int
    whole: int
    ticket: Ticket


class Heads:
    """The heads of one process' requests, and what its answers begin with."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._heads: dict[bytes, Head] = {}
        self._date: Fields = ()
        self._begin = b""

    def find(self, data: bytes) -> Head | None:
        """The head that these bytes begin with, if it is remembered."""
        end = data.find(END)
        return self._heads.get(data[: end + len(END)]) if end > 0 else None

    def learn(self, data: bytes, method: str, path: str, fields: Fields) -> None:
        """Remember the head that these bytes, of one request, begin with, if it may be answered at once.

        `fields` are its header fields, names in lower case, as the parser found them.
        """
        names = [name for name, _ in fields]
        if not _MORE.isdisjoint(names) or any(names.count(name) > 1 for name in _ONCE):
            return
        end = data.find(END)
        if end < 0 or data.count(b"\n", 0, end) != data.count(b"\r\n", 0, end):
            return  # whoever ends lines in another way may mean another end
        if any(name == b"connection" and value.lower() != b"keep-alive" for name, value in fields):
            return
        ticket = self.application.ticket(
            method, path, {str(name, "latin-1"): str(value, "latin-1") for name, value in fields}
        )
        if ticket is None:
            return
        size = end + len(END)
        if len(self._heads) >= MOST:
            self._heads.clear()
        self._heads[data[:size]] = Head(size, size + ticket.length, ticket)

    def answer(self, body: bytes, date: Fields) -> bytes:
        """A whole answer; `date` are the fields that the server adds to each, which change once a second."""
        if date is not self._date:
            self._date = date
            usual = [(name.encode(), value.encode()) for name, value in Response(b"").headers]
            lines = [name + b": " + value + b"\r\n" for name, value in (*date, *usual)]
            self._begin = b"HTTP/1.1 200 OK\r\n" + b"".join(lines) + b"content-length: "
        return b"%b%d\r\n\r\n%b" % (self._begin, len(body), body)
