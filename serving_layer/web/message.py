"""Requests and responses, apart from how a server hands them over (`serving_layer.web.asgi`)."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, Protocol

import msgspec

from serving_layer.access.principal import Principal
from serving_layer.errors import Refused

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

# Bytes of a long body that stay in memory.
_IN_MEMORY = 1 << 20

_encode = msgspec.json.Encoder().encode


Fields = Sequence[tuple[str, str]]
"""Header fields, names in lower case."""

Headers = Mapping[str, str]
"""The same by name; of several of one name the first."""


class Peer(Protocol):
    """One request as it arrives, and the way back to whoever sent it."""

    @property
    def method(self) -> str:
        """In capitals."""

    @property
    def path(self) -> str:
        """Without what is asked of it."""

    @property
    def query(self) -> str:
        """What is asked of it, as it was sent."""

    @property
    def headers(self) -> Headers:
        """The fields of its head."""

    def body(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises Refused where it breaks off."""

    async def respond(self, status: int, headers: Fields, body: bytes) -> None:
        """Answer."""

    async def begin(self, status: int, headers: Fields) -> None:
        """Begin an answer, which goes on with `send` and ends with `end`."""

    async def send(self, part: bytes) -> None:
        """A part of an answer; waits while the other side does not read."""

    async def end(self) -> None:
        """That was all."""


class Request:
    """One request. `principal` is None on open routes only."""

    __slots__ = ("_most", "_peer", "headers", "params", "principal", "query")

    def __init__(
        self,
        headers: Headers,
        params: Mapping[str, str],
        query: str,
        principal: Principal | None,
        peer: Peer,
        most: int,
    ) -> None:
        self.headers = headers
        self.params = params
        self.query = query
        self.principal = principal
        self._peer = peer
        self._most = most

    @property
    def who(self) -> Principal:
        """Who asks."""
        assert self.principal is not None, "open routes ask for nobody"
        return self.principal

    async def body(self) -> bytes:
        """The whole body. Raises Refused: 413 beyond the route's limit, 400 where it breaks off."""
        parts = [part async for part in self._parts(self._most)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def spooled(self, most: int) -> IO[bytes]:
        """A body of up to `most` bytes, in a file without a name where it is long. Raises as `body` does.

        Whole, because many who send read nothing of the answer before they have sent all.
        """
        file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller reads it
        try:
            async for part in self._parts(most):
                file.write(part)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def _parts(self, most: int) -> AsyncIterator[bytes]:
        """The body as it comes, up to `most` bytes, none where it says beforehand that it has more."""
        length = self.headers.get("content-length")
        if length is not None and int(length) > most:
            raise _too_large(most)
        size = 0
        async for part in self._peer.body():
            size += len(part)
            if size > most:
                raise _too_large(most)
            yield part


def _too_large(most: int) -> Refused:
    return Refused(413, f"the body is larger than {most} bytes: ask in several requests", "size")


class Response:
    """An answer that is ready."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes, status: int = 200, kind: str = JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = [("content-type", kind), ("cache-control", "no-store")]
        if headers:
            self.headers += headers.items()


class Stream:
    """An answer that is made as it is sent."""

    __slots__ = ("headers", "parts")

    status = 200

    def __init__(
        self, parts: AsyncGenerator[bytes, None], kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.parts = parts
        self.headers = [("content-type", kind), ("cache-control", "no-store")]
        if headers:
            self.headers += headers.items()


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """An answer in JSON."""
    return Response(_encode(content), status, headers=headers)
