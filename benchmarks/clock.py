"""How time is taken: wall clock, the garbage collector out of the way, the median of several runs."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter


@contextmanager
def quiet() -> Iterator[None]:
    """Collect what earlier work left, then keep the collector from running at a time of its choice."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes; what it returns is freed outside the measured time."""
    with quiet():
        start = perf_counter()
        result = work()
        elapsed = perf_counter() - start
        del result
    return elapsed


def median_seconds(work: Callable[[], object], repeat: int) -> float:
    """The median of `repeat` calls."""
    return median(seconds(work) for _ in range(repeat))
