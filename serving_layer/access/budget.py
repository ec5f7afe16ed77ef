"""How often somebody may: a bucket that empties with use and fills with time."""

import math
import time
from collections.abc import Callable


class Budget:
    """`capacity` at once, `refill` a second (the token bucket of networks)."""

    __slots__ = ("_at", "_capacity", "_clock", "_left", "_refill")

    def __init__(self, capacity: float, refill: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = self._left = capacity
        self._refill = refill
        self._clock = clock
        self._at = clock()

    def has(self, count: float) -> bool:
        """Whether so much is there."""
        if self._left == math.inf:
            return True
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._at) * self._refill)
        self._at = now
        return self._left >= count

    def take(self, count: float) -> bool:
        """Take so much, all or nothing: whether it was there."""
        if not self.has(count):
            return False
        self._left -= count
        return True

    def empty(self) -> None:
        """Take what is left."""
        self._left = 0.0

    def wait(self, count: float) -> float:
        """Seconds until so much is there; infinite where it never will be."""
        missing = min(count, self._capacity) - self._left
        if missing <= 0:
            return 0.0
        return missing / self._refill if self._refill else math.inf


def unlimited() -> Budget:
    """One that never ends."""
    return Budget(math.inf, 0.0)
