"""Input files as commands take them: a path, or `-` for standard input; gzip by its ending."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked. Raises OSError."""
    if name == "-":
        yield sys.stdin.buffer
    elif name.endswith(".gz"):
        try:
            with gzip.open(name, "rb") as stream:
                yield cast("BinaryIO", stream)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{name}: is damaged, or ends too early: {error}") from error
    else:
        with open(name, "rb") as file:  # noqa: PTH123 - a name, as the user typed it
            yield file
