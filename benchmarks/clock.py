"""How time is taken: wall clock, the garbage collector out of the way, the median of several runs."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

Work = Callable[[], object]


def medians(repeat: int, **works: Work) -> dict[str, float]:
    """The median seconds of each work.

    They take turns, so that a slow minute of the machine falls on all that are compared.
    """
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(repeat)]
    return {name: median(times[name] for times in rounds) for name in works}


def seconds(work: Work) -> float:
    """How long one call takes; what it returns is freed outside the measured time."""
    with _quiet():
        start = perf_counter()
        result = work()
        elapsed = perf_counter() - start
        del result
    return elapsed


@contextmanager
def _quiet() -> Iterator[None]:
    """Collect what earlier work left, then keep the collector from running at a time of its choice."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
