"""Two workers on one log: their rate together, and what keeps it from being twice that of one."""

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from benchmarks.speed.course import Course
from benchmarks.speed.errors import LeftOut
from benchmarks.speed.private_stack import PrivateStack
from benchmarks.speed.processor import Cores
from benchmarks.speed.workers import GROUP, Offsets, follow, reached, workers
from schemas import overlay

_EVERY = 0.05  # seconds between two looks at the group
_LEAST = 0.25  # of the log has to be left when both work
_WORKERS = 2
_BUSY = 0.9  # of a core: it could do no more


class Outcome(NamedTuple):
    """How it went while both had work: from one count of messages to another."""

    course: Course
    first: int
    last: int
    cores: dict[str, float]


def two_workers(stack: PrivateStack) -> Outcome:
    """Have two workers apply the log to an empty view.

    The clock runs while both have work: from when each has applied something of its own partitions, until
    the first has no more of them. Raises LeftOut where the log is too short for that.
    """
    with stack.redis() as redis, workers(stack, _WORKERS) as watched:
        pids = {**stack.pids(), **{f"worker_{i + 1}": worker.pid for i, worker in enumerate(watched)}}
        both = _Both(stack, pids)
        course = follow(stack, redis, watched, until=both.look)
        if both.cores is None or course.count - both.first < _LEAST * sum(stack.end().values()):
            raise LeftOut("the log was at its end when both workers had joined: take a larger --scale")
        outcome = Outcome(course, both.first, course.count, both.cores.used())
        follow(stack, redis, watched)  # to the log's end: so that the result can be checked
        return outcome


class _Both:
    """Looks at offsets, for the time in which both workers have something to do."""

    def __init__(self, stack: PrivateStack, pids: Mapping[str, int]) -> None:
        self.first = 0
        self.cores: Cores | None = None
        self._pids = pids
        self._admin = AdminClient({"bootstrap.servers": stack.settings.kafka, "log_level": 0})
        self._end = {field: offset for field, offset in stack.end().items() if offset}
        self._shares: list[Offsets] = []
        self._joined: Offsets = {}
        self._next = 0.0

    def look(self, offsets: Offsets) -> bool:
        """Whether one of the two is done."""
        if not self._shares:
            if time.monotonic() > self._next:
                self._shares, self._joined = self._ask(), offsets
                self._next = time.monotonic() + _EVERY
        elif self.cores is not None:
            return any(reached(offsets, share) for share in self._shares)
        elif all(any(offsets[field] > self._joined[field] for field in share) for share in self._shares):
            self.first, self.cores = sum(offsets.values()), Cores(self._pids)
        return False

    def _ask(self) -> list[Offsets]:
        """The partitions of each worker, with their ends; nothing until both have some."""
        group = self._admin.describe_consumer_groups([GROUP])[GROUP].result()
        assigned = [
            {overlay.partition_field(p.topic, p.partition) for p in member.assignment.topic_partitions}
            for member in group.members
        ]
        shares = [{f: self._end[f] for f in fields & self._end.keys()} for fields in assigned]
        return shares if len(shares) == _WORKERS and all(shares) else []


def limit(cores: Mapping[str, float]) -> str:
    """What keeps two workers from doing more, by the cores that each took."""
    there = os.cpu_count() or 1
    took = ", ".join(f"{name} {used:.2f}" for name, used in cores.items())
    if cores["idle"] < (1 - _BUSY) * there:
        return f"the processor, all {there} cores are busy: {took}"
    if cores["redis"] > _BUSY:
        return f"Redis, its thread is busy: {took}"
    if any(used > _BUSY for name, used in cores.items() if name.startswith("worker_")):
        return f"the workers, at least one takes a whole core: {took}"
    return f"waiting for each other or for servers, cores are idle: {took}"
