"""ASGI, as uvicorn speaks it: what it hands over as a request, and how it takes an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any

from serving_layer.errors import Refused
from serving_layer.web.message import Fields

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Exchange:
    """One request and its answer: a `message.Peer`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]

    @property
    def query(self) -> str:
        """What is asked of the path, as it was sent."""
        return str(self._scope["query_string"], "latin-1")

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case; of several of one name the first."""
        return {str(name, "latin-1"): str(value, "latin-1") for name, value in self._scope["headers"][::-1]}

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises Refused (400) where it breaks off."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the body broke off: send it again", "body")
            yield message.get("body", b"")
            more = message.get("more_body", False)

    async def respond(self, status: int, headers: Fields, body: bytes) -> None:
        """Answer."""
        await self.begin(status, [*headers, ("content-length", str(len(body)))])
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, status: int, headers: Fields) -> None:
        """Begin an answer, which goes on with `send` and ends with `end`."""
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})

    async def send(self, part: bytes) -> None:
        """A part of an answer; waits while the other side does not read."""
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        """That was all."""
        await self._send({"type": "http.response.body", "body": b""})
