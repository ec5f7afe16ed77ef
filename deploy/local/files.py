"""Files that several processes share: locks between them, and writes that are whole or absent."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on a file, created if need be, waiting for whoever holds it.

    The kernel drops the lock when its holder dies, so none is ever stale.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue  # the directory went between these two lines
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            # Who held the lock before may have deleted the file: then a newer one counts.
            if _is_of(fd, path):
                yield
                return
        finally:
            os.close(fd)


def _is_of(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content, readable by its owner alone; a reader sees the old or the new."""
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
