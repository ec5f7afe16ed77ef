"""One at a time: of two processes that do the same to one directory the second waits for the first."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(directory: Path, lock: str) -> Iterator[None]:
    """Hold the file `lock` in a directory, which is made where it is missing; a process that ends lets go."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
