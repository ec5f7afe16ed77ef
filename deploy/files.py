"""Input files as commands take them: a path, or `-` for standard input; gzip by its ending."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked. Raises OSError."""
    if name == "-":
        yield sys.stdin.buffer
    elif name.endswith(".gz"):
        with gzip.open(name, "rb") as stream:
            yield cast("BinaryIO", stream)
    else:
        with open(name, "rb") as file:  # noqa: PTH123 - a name, as the user typed it
            yield file
