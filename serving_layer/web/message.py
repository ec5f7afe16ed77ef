"""Requests and responses, apart from how a server hands them over (RSGI, as Granian speaks it)."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
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


class Headers(Protocol):
    """Header fields by their names in lower case."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - RSGI's
        """The value of one."""


class Transport(Protocol):
    """A response under way."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a part."""


class Peer(Protocol):
    """The other side of one request."""

    async def __call__(self) -> bytes:
        """The whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body as it comes."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Transport:
        """Begin to answer."""


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
        """The whole body. Raises Refused (413) beyond the route's limit."""
        length = self.headers.get("content-length")
        if length is not None and int(length) <= self._most:
            return await self._peer()
        parts, size = [], 0
        if length is None:
            async for part in self._peer:
                size += len(part)
                if size > self._most:
                    break
                parts.append(part)
            else:
                return b"".join(parts)
        raise _too_large(self._most)

    async def spooled(self, most: int) -> IO[bytes]:
        """A body of up to `most` bytes, in a file without a name where it is long. Raises Refused (413).

        Whole, because Granian gives no more of a body once the answer has begun.
        """
        length = self.headers.get("content-length")
        if length is not None and int(length) > most:
            raise _too_large(most)
        file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller reads it
        try:
            size = 0
            async for part in self._peer:
                size += len(part)
                if size > most:
                    break
                file.write(part)
        except BaseException:
            file.close()
            raise
        if size > most:
            file.close()
            raise _too_large(most)
        file.seek(0)
        return file


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
