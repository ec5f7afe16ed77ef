"""The whole of `ucid bench speed`: which part runs when, and on which log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.report import Report
from benchmarks.speed import FULL_ONLY, PARTS, telling
from benchmarks.speed.errors import LeftOut
from benchmarks.speed.findings import Findings
from benchmarks.speed.parts import Figures, Parts
from benchmarks.speed.private_stack import private_stack
from benchmarks.speed.workload import Workload, as_avro, as_json
from schemas import WebEvent

Progress = Callable[[str], None]

EVENTS = 1_000_000  # the usual size
FEWEST = 20_000
GROWTH = 10  # times as many events, of as many times more customers

_ALL_REST_ON = ("worker", "check")  # without these no figure means anything
_EACH_ROUND = ("worker", "decode", "faust", "postgres", "graph", "two_workers")


@dataclass(frozen=True)
class Plan:
    """What to measure: at which size, how often, and which parts of it."""

    scale: float
    repeat: int
    parts: frozenset[str]


def measure(plan: Plan, progress: Progress) -> Report:
    """The parts of the plan; of what is measured several times, the median. Raises Broken."""
    suite = _Suite(plan, progress)
    suite.on_json()
    suite.unkeyed()
    suite.on_avro()
    suite.telling()
    suite.grown()
    return suite.findings.report()


class _Suite:
    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.findings = Findings()
        self._plan = plan
        self._progress = progress
        self._work = Workload.of(max(round(EVENTS * plan.scale), FEWEST))
        for part in PARTS.keys() - plan.parts:
            why = "it takes many minutes: --full" if part in FULL_ONLY else "it was not asked for"
            self.findings.leave_out(part, f"the part {part!r} is left out, {why}")

    def on_json(self) -> None:
        """The worker and its peers, on one log."""
        if self._plan.parts <= {"unkeyed", "avro", "telling", "growth"}:
            return
        with self._log(self._work, as_json) as parts:
            for round_ in range(self._plan.repeat):
                for name in _EACH_ROUND:
                    self._take(name, getattr(parts, name))
                    if name == "worker" and round_ == 0:
                        self._take("check", parts.check)
            self._take("latency", lambda: parts.latency(self._half()))

    def unkeyed(self) -> None:
        """The same events, of which no two that are of one device need go to one worker."""
        if "unkeyed" not in self._plan.parts:
            return
        with private_stack(self._progress) as stack:
            self._progress(f"log: {self._work.events:,} events without keys")
            stack.feed_unkeyed(map(as_json, self._work))
            parts = Parts(stack, self._work)
            for _ in range(self._plan.repeat):
                self._take("unkeyed", lambda: _unkeyed(parts))

    def on_avro(self) -> None:
        """The same events in Avro, to a worker and to a consumer that only decodes."""
        if "avro" not in self._plan.parts:
            return
        with self._log(self._work, as_avro) as parts:
            for _ in range(self._plan.repeat):
                self._take("avro", lambda: _avro(parts))

    def telling(self) -> None:
        """Events of which some tell more, under rules that use it; before and after these, as they are."""
        if "telling" not in self._plan.parts:
            return
        with (
            self._log(self._work, as_json) as plain,
            private_stack(self._progress, telling.rules()) as stack,
        ):
            self._progress(f"log: {self._work.events:,} events, some of which tell more")
            stack.feed(map(as_json, telling.telling(self._work)))
            told = Parts(stack, self._work)
            for _ in range(self._plan.repeat):
                self._take("telling", lambda: _telling(told, plain))

    def grown(self) -> None:
        """Many times the events and customers: how fast after the usual number of events, and at the end."""
        if "growth" not in self._plan.parts:
            return
        usual = self._work.events
        with self._log(Workload.of(usual * GROWTH), as_json) as parts:
            self._take("growth", lambda: parts.growth(usual))

    @contextmanager
    def _log(self, work: Workload, form: Callable[[WebEvent], bytes]) -> Iterator[Parts]:
        with private_stack(self._progress) as stack:
            name = "Avro" if form is as_avro else "JSON"
            self._progress(f"log: {work.events:,} events of {work.customers:,} customers, in {name}")
            stack.feed(map(form, work))
            yield Parts(stack, work)

    def _take(self, name: str, part: Callable[[], Figures]) -> None:
        if name not in self._plan.parts:
            return
        self._progress(f"{name}: {PARTS[name]}")
        self.findings.take(name, part, self._progress, vital=name in _ALL_REST_ON)

    def _half(self) -> float:
        try:
            return self.findings.number("worker_events_per_second") / 2
        except KeyError:
            raise LeftOut("the part 'worker' has to run, too: the rate is half of its own") from None


def _unkeyed(parts: Parts) -> Figures:
    one, two = parts.worker(), parts.two_workers()
    return {
        "unkeyed_worker_events_per_second": one["worker_events_per_second"],
        "unkeyed_two_workers_events_per_second": two["two_workers_events_per_second"],
        "unkeyed_same_stretch_by_one_events_per_second": two[
            "two_workers_same_stretch_by_one_events_per_second"
        ],
    }


def _avro(parts: Parts) -> Figures:
    return {
        "avro_worker_events_per_second": parts.worker()["worker_events_per_second"],
        "avro_decode_only_events_per_second": parts.reading("avro"),
    }


def _telling(told: Parts, plain: Parts) -> Figures:
    before, telling_, after = (
        float(parts.worker()["worker_events_per_second"]) for parts in (plain, told, plain)
    )
    return {
        "telling_worker_events_per_second": telling_,
        "telling_plain_events_per_second": (before + after) / 2,
    }
