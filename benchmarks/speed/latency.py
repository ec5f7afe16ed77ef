"""From the moment an event is sent until it is visible, at a steady rate; and until it merely arrives."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from time import monotonic, sleep
from typing import NamedTuple

from benchmarks.speed.errors import LeftOut
from benchmarks.speed.private_stack import PrivateStack
from benchmarks.speed.program import Process, found, peer
from benchmarks.speed.workers import GENERATION, Offsets, check, follow, reached, workers
from benchmarks.speed.workload import Workload
from deploy import bootstrap
from deploy.awaiting import until
from schemas import WEB, overlay
from speed_layer.view import read_offsets

SECONDS = 15.0  # of sending
_WARM_UP = 2.0  # seconds that do not count: connections are made, sessions begin
_EVERY = 0.01  # seconds between two looks at the offsets, which the worker has to share a processor with
_BARE = "bench.bare"
_LEAST = 500  # samples, for a 99th percentile that means something

Moment = tuple[float, int, int]
"""When, which partition, which offset."""


class Latency(NamedTuple):
    """Seconds."""

    p50: float
    p99: float


def bare(stack: PrivateStack, work: Workload, rate: float) -> Latency:
    """The same events at the same rate, to a consumer that does nothing."""
    stack.create(_BARE, bootstrap.PARTITIONS[WEB])
    log, arrivals_log = stack.home / "pace.log", stack.home / "arrivals.log"
    arguments = [_BARE, round(rate * SECONDS)]
    with (
        peer("arrivals", arguments, stack.env, arrivals_log) as reader,
        _pace(stack, _BARE, work, rate) as pace,
    ):
        sent: list[Moment] = found(pace, log)
        return latency_of(sent, found(reader, arrivals_log))


def visible(stack: PrivateStack, work: Workload, rate: float) -> Latency:
    """To one worker, whose view holds the log already; visible when the view's offsets have passed it."""
    with stack.redis() as redis, workers(stack, 1) as watched:
        follow(stack, redis, watched)
        # What a backlog left to be told is no part of a steady stream.
        until(lambda: not redis.xlen(overlay.OUTBOX), "the changes of the backlog to leave")
        seen: list[Moment] = []
        before: Offsets = {}
        fields = {overlay.partition_field(WEB, p): p for p in range(bootstrap.PARTITIONS[WEB])}
        end: Offsets = {}
        with _pace(stack, WEB, work, rate) as pace:
            while not end or not reached(before, end):
                offsets, now = read_offsets(redis, GENERATION), monotonic()
                seen += [
                    (now, partition, offsets[field])
                    for field, partition in fields.items()
                    if offsets[field] > before.get(field, 0)
                ]
                before = offsets
                if not end and pace.poll() is not None:
                    end = stack.end()
                check(stack, watched)
                sleep(_EVERY)
            return latency_of(found(pace, stack.home / "pace.log"), seen)


def _pace(stack: PrivateStack, topic: str, work: Workload, rate: float) -> AbstractContextManager[Process]:
    return peer("pace", [topic, work.events, rate, SECONDS], stack.env, stack.home / "pace.log")


def latency_of(sent: Sequence[Moment], seen: Iterable[Moment]) -> Latency:
    """Each sent message's wait for the first sight of an offset beyond its own. Raises LeftOut."""
    sights = {
        partition: list(moments)
        for partition, moments in groupby(sorted(seen, key=itemgetter(1, 0)), key=itemgetter(1))
    }
    begin = min(moment for moment, *_ in sent) + _WARM_UP
    waits = sorted(
        _first_sight(sights[partition], offset) - moment
        for moment, partition, offset in sent
        if moment >= begin
    )
    if len(waits) < _LEAST:
        raise LeftOut(f"{len(waits)} samples are too few for a 99th percentile")
    return Latency(waits[len(waits) // 2], waits[len(waits) * 99 // 100])


def _first_sight(sights: Sequence[Moment], offset: int) -> float:
    return sights[bisect_right(sights, offset, key=itemgetter(2))][0]
