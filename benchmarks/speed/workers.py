"""Real workers, each a process of its own, watched through the offsets of their view."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

from redis import Redis

from benchmarks.speed.course import Course
from benchmarks.speed.errors import Broken
from benchmarks.speed.private_stack import PrivateStack
from benchmarks.speed.program import Process, running, tail
from schemas import overlay
from speed_layer.view import read_offsets

GENERATION = 0
GROUP = f"ucid-speed-v{GENERATION}"  # as bootstrap.worker has it
EVERY = 0.02  # seconds between two looks at the offsets, which the workers have to share a processor with
STALLED = 60.0  # seconds without any progress

Offsets = dict[bytes, int]


@contextmanager
def workers(stack: PrivateStack, count: int) -> Iterator[list[Process]]:
    """So many workers of the speed layer."""
    argv = [sys.executable, "-m", "deploy", "speed"]
    with ExitStack() as running_ones:
        yield [
            running_ones.enter_context(running(argv, stack.env, stack.home / f"worker-{i}.log"))
            for i in range(count)
        ]


def follow(
    stack: PrivateStack,
    redis: Redis,
    watched: list[Process],
    begun: Callable[[], object] = lambda: None,
    until: Callable[[Offsets], bool] = lambda _: False,
) -> Course:
    """Watch until all that the log holds is visible, or `until(offsets)` says so.

    The first moment is when the first batch became visible; `begun()` is called then. Raises Broken.
    """
    end = stack.end()
    course = Course()
    moved = monotonic()
    while True:
        offsets = read_offsets(redis, GENERATION)
        aside = redis.xlen(overlay.side_key(GENERATION))
        now, count = monotonic(), sum(offsets.values())
        # While something waits for the side lane, not all of that is visible.
        if count > course.count and not aside:
            if not course.count:
                begun()
            moved = now
            course.note(now, count)
        if not aside and (until(offsets) or reached(offsets, end)):
            return course
        check(stack, watched)
        if now - moved > STALLED:
            raise Broken(f"the worker applied nothing for {STALLED:.0f} s\n{_tails(stack)}")
        sleep(EVERY)


def reached(offsets: Offsets, end: Offsets) -> bool:
    """Whether everything below these ends is applied."""
    return all(offsets.get(field, 0) >= offset for field, offset in end.items())


def check(stack: PrivateStack, watched: list[Process]) -> None:
    """Raise Broken where a worker has ended."""
    codes = [code for process in watched if (code := process.poll()) is not None]
    if codes:
        raise Broken(f"a worker ended by itself, with exit code {codes[0]}\n{_tails(stack)}")


def _tails(stack: PrivateStack) -> str:
    return "\n".join(map(tail, sorted(stack.home.glob("worker-*.log"))))
