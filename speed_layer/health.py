"""How a worker does: whether it lives, and whether what it should do gets done."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from speed_layer.log_statistics import LogStatistics

# Seconds without a turn of the loop until a worker counts as stuck. A turn may well wait for Redis, three
# tries of five seconds, and then as long again before the next one.
ALIVE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the health endpoint says. `why` is None where the worker is ready."""

    alive: bool
    why: str | None
    generation: int | None
    lag: int
    seconds_since_turn: float

    @property
    def ready(self) -> bool:
        """Whether it does its share: connected to Redis and Kafka, on an open generation."""
        return self.why is None


class Health:
    """Told by the worker's loop, once a turn; asked by other threads."""

    def __init__(self, statistics: LogStatistics, clock: Callable[[], float] = time.monotonic) -> None:
        self._statistics = statistics
        self._clock = clock
        self._turned_at = clock()
        self._generation: int | None = None
        self._why: str | None = "it has only just started"

    def turned(self, generation: int) -> None:
        """The loop went round once, with all that it wanted done; readers stand on `generation`."""
        self._turned_at = self._clock()
        self._generation = generation
        self._why = None

    def failed(self, error: Exception) -> None:
        """The loop went round, and could not do its work. Only the error's name is kept."""
        self._turned_at = self._clock()
        self._why = f"the last turn failed: {type(error).__name__}"

    def report(self) -> Report:
        """How it does at this moment."""
        since = self._clock() - self._turned_at
        generation, why = self._generation, self._why
        alive = since < ALIVE_S
        if not alive:
            why = f"no turn for {since:.0f} s"
        elif why is None and generation is not None and not self._statistics.following(generation):
            why = "Kafka is not connected, or the group is being settled"
        lag = self._statistics.lag(generation) if generation is not None else 0
        return Report(alive, why, generation, lag, round(since, 3))
