"""A body as lines: some at a time, as they come, none longer than it may be."""

from collections.abc import AsyncIterator
from typing import Final

from serving_layer.web.refused import Refused

# Bytes of a line.
LONGEST: Final = 1 << 16


async def lines(parts: AsyncIterator[bytes], most: int) -> AsyncIterator[list[bytes]]:
    """At most so many lines at a time, without empty ones. Raises Refused (413)."""
    rest = b""
    async for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        if max(map(len, [*whole, rest])) > LONGEST:
            raise Refused(413, f"a line is longer than {LONGEST} bytes", "size")
        for some in _chunks(whole, most):
            yield some
    for some in _chunks([rest], most):
        yield some


def _chunks(whole: list[bytes], most: int) -> list[list[bytes]]:
    full = [line for line in whole if line.strip()]
    return [full[start : start + most] for start in range(0, len(full), most)]
