"""When to look at which customer next: a heap, made again from the table when a worker starts."""

from collections.abc import Iterator
from heapq import heappop, heappush


class Deadlines:
    """Keys by time. A key may be in it more than once; who looks too early finds nothing to do."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._next: dict[bytes, int] = {}

    def set(self, key: bytes, at: int | None) -> None:
        """Look at a key at a time, or not at all; in place of what was said of it before."""
        if at is None:
            self._next.pop(key, None)
        elif self._next.get(key) != at:
            self._next[key] = at
            heappush(self._heap, (at, key))

    def due(self, horizon: int) -> Iterator[bytes]:
        """Take out the keys whose time is not after `horizon`."""
        while self._heap and self._heap[0][0] <= horizon:
            at, key = heappop(self._heap)
            if self._next.get(key) == at:
                del self._next[key]
                yield key

    def __len__(self) -> int:
        return len(self._next)
