"""Choosing ports to listen on."""

import random
import socket
from collections.abc import Collection, Iterator

# Below the range that systems hand out to outgoing connections: else a client that keeps trying to
# reach a server that is down can be given that very port, reach itself, and keep the server out.
_FIRST, _LAST = 20_000, 29_999


def free_port(host: str, preferred: int | None = None, taken: Collection[int] = ()) -> int:
    """A port that nobody listens on and that is not in `taken`: the preferred one if it is free.

    Raises OSError if none can be found.
    """
    for port in _candidates(preferred):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port on {host} between {_FIRST} and {_LAST}")


def _candidates(preferred: int | None) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    yield from random.sample(range(_FIRST, _LAST + 1), 1000)
