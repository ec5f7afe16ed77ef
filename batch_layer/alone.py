"""One at a time: of two processes that do the same to one directory the second waits, or ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Busy(Exception):
    """Another process is at it."""


@contextmanager
def alone(directory: Path, lock: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the file `lock` in a directory, which is made where it is missing; a process that ends lets go.

    Raises Busy where another one holds it and `wait` is not set.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another process holds {directory / lock}") from None
        yield
