"""A body as lines: some at a time, none longer than it may be."""

from collections.abc import Iterator
from typing import IO, Final

from serving_layer.errors import Refused

# Bytes of a line.
LONGEST: Final = 1 << 16


def lines(body: IO[bytes], most: int) -> Iterator[list[bytes]]:
    """At most so many lines at a time, without empty ones. Raises Refused (413)."""
    some: list[bytes] = []
    while line := body.readline(LONGEST + 1):
        if len(line) > LONGEST:
            if some:
                yield some
            raise Refused(413, f"a line is longer than {LONGEST} bytes", "size")
        if line.strip():
            some.append(line)
        if len(some) == most:
            yield some
            some = []
    if some:
        yield some
