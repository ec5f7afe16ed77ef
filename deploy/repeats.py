"""Log lines that are told again and again: librdkafka tells of a broker that is away each time it knocks."""

import logging
import time
from collections.abc import Callable
from typing import Final

# Seconds in which the same line is told once.
REPEATS_S: Final = 10.0

# Lines that are remembered, at most.
_MOST = 1_000


class Once(logging.Filter):
    """Lets a line pass that was not told in the last REPEATS_S."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to tell it."""
        now, line = self._clock(), record.getMessage()
        if now - self._told.get(line, -REPEATS_S) < REPEATS_S:
            return False
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[line] = now
        return True
