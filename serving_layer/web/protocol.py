"""HTTP/1.1, as uvicorn reads it."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Under this name a process' application stands in what uvicorn shares among its connections.
APPLICATION: Final = "application"


class Protocol(HttpToolsProtocol):
    """One connection."""
