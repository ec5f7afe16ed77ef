"""One worker on a full log: events a second from Kafka until visible in Redis, and what Redis holds then."""

from typing import NamedTuple, cast

from redis import Redis

from benchmarks.speed.course import Course
from benchmarks.speed.private_stack import PrivateStack
from benchmarks.speed.processor import Cores
from benchmarks.speed.program import Process
from benchmarks.speed.workers import check, follow, workers
from deploy.awaiting import until
from schemas import overlay


class Outcome(NamedTuple):
    """How it went; `redis_bytes` is what the view takes with all changes told."""

    course: Course
    cores: dict[str, float]
    redis_bytes: int


def one_worker(stack: PrivateStack) -> Outcome:
    """Have one worker apply the whole log to an empty view.

    The clock starts when its first batch is visible, and that batch does not count: before that the
    process loads, joins its group and meets the broker, which it does once in its life.
    """
    begun: list[Cores] = []
    with stack.redis() as redis, workers(stack, 1) as watched:
        before = _used_bytes(redis)
        pids = {**stack.pids(), "worker": watched[0].pid}
        course = follow(stack, redis, watched, begun=lambda: begun.append(Cores(pids)))
        cores = begun[0].used()
        until(lambda: _told(stack, redis, watched), "the outbox to be relayed")
        return Outcome(course, cores, _used_bytes(redis) - before)


def _told(stack: PrivateStack, redis: Redis, watched: list[Process]) -> bool:
    check(stack, watched)
    return not redis.xlen(cast("str", overlay.OUTBOX))


def _used_bytes(redis: Redis) -> int:
    return int(cast("dict[str, int]", redis.info("memory"))["used_memory"])
