"""HTTP/1.1, as uvicorn reads it; and lookups of those who are remembered, without most of what that costs.

A request whose head is remembered (`serving_layer.web.heads`) is neither parsed nor given a task: its body
goes to the application at once, and its answer to the socket. Where that answer cannot be given, the same
bytes go to uvicorn, as if they had just arrived. So there is one way to be right, and a short cut to it.

One request at a time: what arrives while one is under way waits for it.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving_layer.web.heads import Head, Heads

# Under this name the heads stand in what uvicorn shares among its connections.
HEADS: Final = "heads"

# Bytes of a head, beyond which nobody reads on; and seconds that it may take to arrive.
MOST_HEAD: Final = 1 << 16
HEAD_S: Final = 10.0


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        self._heads: Heads = self.app_state[HEADS]
        # A request on the short cut: its head, all that has arrived since it began, and whether it is asked.
        self._head: Head | None = None
        self._data = b""
        self._asked = False
        # Requests on the usual way: how many have begun, whether the last has not arrived whole, the bytes of
        # its head where that has not, and when it is too late for that.
        self._begun = 0
        self._partial = False
        self._unread = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._leaving = False
        self._active = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there to be answered."""
        self._leaving = True
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request, or of several."""
        self._active = self.loop.time()
        head = self._head
        if head is not None:
            data = self._data + data
        elif self._is_busy() or (head := self._heads.find(data)) is None:
            self._read(data)
            return
        self._head, self._data = head, data
        if self._asked:
            self.flow.pause_reading()
        elif len(data) >= head.whole:
            self._asked = True
            self._heads.application.at_once(head.ticket, data[head.size : head.whole], self._told)

    def shutdown(self) -> None:
        """Leave after the request that is under way."""
        if self._asked:
            self._leaving = True
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was heard for a while: or was it on the short cut, which leaves this clock alone?"""
        left = self._active + self.timeout_keep_alive - self.loop.time()
        if self._asked:
            left = self.timeout_keep_alive
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._begun += 1
        self._partial = True
        self._unread = 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._unread = 0
        self._head_has_come()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request has arrived whole."""
        self._partial = False
        super().on_message_complete()

    def _is_busy(self) -> bool:
        """Whether a request on the usual way is under way, or an answer not taken."""
        underway = self.cycle is not None and not self.cycle.response_complete
        return self._partial or underway or self.flow.write_paused

    def _told(self, answer: bytes | None) -> None:
        if self.transport.is_closing():
            return
        if answer is None:
            self._give_up()
            return
        self._active = self.loop.time()
        self.server_state.total_requests += 1
        self.transport.write(self._heads.answer(answer, self.server_state.default_headers))
        assert self._head is not None, "it was asked"
        rest = self._data[self._head.whole :]
        self._head, self._data, self._asked = None, b"", False
        if self._leaving:
            self.transport.close()
            return
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if rest:
            self.flow.resume_reading()
            self.data_received(rest)

    def _give_up(self) -> None:
        """Have uvicorn read it."""
        data = self._data
        self._head, self._data, self._asked = None, b"", False
        self.flow.resume_reading()
        self._read(data)
        if self._leaving:
            self.shutdown()

    def _read(self, data: bytes) -> None:
        begins, begun = not self._partial, self._begun
        super().data_received(data)
        if self.parser is None or self.transport.is_closing():
            return
        if self._unread:
            self._unread += len(data)
            if self._unread > MOST_HEAD:
                self.send_400_response("The head of this request is too large.")
            elif self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_S, self.transport.close)
        elif begins and self._begun == begun + 1 and self.scope["http_version"] == "1.1":
            # What the parser has found is of the one head in there.
            self._heads.learn(data, self.scope["method"], self.scope["path"], self.headers)

    def _head_has_come(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
