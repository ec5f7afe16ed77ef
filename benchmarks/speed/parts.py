"""The parts of the benchmark: each measures one thing on one log, and gives its figures."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from benchmarks.report import Figure
from benchmarks.speed import latency
from benchmarks.speed.errors import LeftOut
from benchmarks.speed.one_worker import Outcome, one_worker
from benchmarks.speed.postgres import postgres_rates
from benchmarks.speed.private_stack import PrivateStack
from benchmarks.speed.program import run
from benchmarks.speed.two_workers import limit, two_workers
from benchmarks.speed.verdict import Expected, compare, expect
from benchmarks.speed.workload import Workload
from schemas import WEB

Figures = Mapping[str, Figure]

FAUST_SECONDS = 10.0
POSTGRES_EVENTS = 20_000


class Parts:
    """Measures on the servers of a stack, whose log holds a workload. All may raise LeftOut and Broken."""

    def __init__(self, stack: PrivateStack, work: Workload) -> None:
        self._stack = stack
        self._work = work
        self._outcome: Outcome | None = None
        self._expected: Expected | None = None

    def worker(self) -> Figures:
        """One worker from an empty view to the log's end; the last fifth is what it settles to."""
        self._stack.forget()
        self._outcome = outcome = one_worker(self._stack)
        events, course = self._work.events, outcome.course
        rates = {
            "worker_events_per_second": course.rate(),
            "worker_first_fifth_events_per_second": course.rate(last=events / 5),
            "worker_last_fifth_events_per_second": course.rate(first=events * 4 / 5),
        }
        return {
            "worker_events": events,
            **{name: rate for name, rate in rates.items() if rate},  # a short log shows no fifths
            "redis_bytes": outcome.redis_bytes,
            **{f"worker_run_{name}_cores": used for name, used in outcome.cores.items()},
        }

    def growth(self, usual: int) -> Figures:
        """One worker on many times the usual number of events: as many after the usual, and the last as many.

        And the last fifth of all, to be compared with that of the usual number.
        """
        worker, events = self.worker(), self._work.events
        assert self._outcome is not None, "the worker ran"
        course = self._outcome.course
        rates = {
            "growth_events_per_second": course.rate(),
            "growth_after_usual_events_per_second": course.rate(first=usual, last=2 * usual),
            "growth_at_end_events_per_second": course.rate(first=events - usual),
            "growth_last_fifth_events_per_second": course.rate(first=events * 4 / 5),
        }
        return {
            "growth_events": events,
            **{name: rate for name, rate in rates.items() if rate},
            "growth_redis_bytes": worker["redis_bytes"],
        }

    def check(self) -> Figures:
        """The last worker's view against the rules applied to the log as a whole."""
        if self._outcome is None:
            raise LeftOut("the part 'worker' has to run, too")
        self._expected = expect(self._stack)
        compare(self._stack, self._expected)
        return {
            "customers": len(self._expected.customers),
            "identifiers": self._expected.identifiers,
            "links": self._expected.links,
            "redis_bytes_per_link": self._outcome.redis_bytes / self._expected.links,
        }

    def decode(self) -> Figures:
        """Consumers: the worker's settings, without decoding, and librdkafka's defaults."""
        return {
            "decode_only_events_per_second": self.reading("json"),
            "read_only_events_per_second": self.reading("none"),
            "decode_only_librdkafka_defaults_events_per_second": self.reading("json", "--defaults"),
        }

    def reading(self, *arguments: str) -> float:
        """The rate of one consumer."""
        return self._peer("decode_only", WEB, *arguments)

    def faust(self) -> Figures:
        """Faust on its usual event loop, and on the faster one if it is there."""
        try:
            version("faust-streaming")
        except PackageNotFoundError:
            raise LeftOut("needs the package faust-streaming: pip install 'ucid[bench]'") from None
        log = self._stack.settings.kafka, self._stack.home / "faust", self._work.events, FAUST_SECONDS
        figures = {"faust_noop_events_per_second": self._peer("faust_noop", WEB, *log)}
        if find_spec("uvloop") is not None:
            figures["faust_noop_uvloop_events_per_second"] = self._peer("faust_noop", WEB, *log, "--uvloop")
        return figures

    def postgres(self) -> Figures:
        """PostgreSQL on the first of the events."""
        return postgres_rates(self._work, min(POSTGRES_EVENTS, self._work.events))

    def graph(self) -> Figures:
        """The least that a graph in Redis takes."""
        self._stack.forget()
        return {"bare_graph_events_per_second": self._peer("bare_graph", WEB)}

    def two_workers(self) -> Figures:
        """Two workers, against one on the same stretch of the log, for a view's first events cost more."""
        self._stack.forget()
        both = two_workers(self._stack)
        if self._expected is not None:
            compare(self._stack, self._expected)
        figures: dict[str, Figure] = {
            "two_workers_events": both.last - both.first,
            "two_workers_events_per_second": both.course.rate(both.first, both.last),
            "two_workers_limit": limit(both.cores),
        }
        if self._outcome is not None:
            by_one = self._outcome.course.rate(both.first, both.last)
            figures["two_workers_same_stretch_by_one_events_per_second"] = by_one
        return figures

    def latency(self, rate: float) -> Figures:
        """At that rate, to a consumer that does nothing and to one worker. The log grows by it."""
        bare = latency.bare(self._stack, self._work, rate)
        visible = latency.visible(self._stack, self._work, rate)
        return {
            "latency_events_per_second": rate,
            "bare_p50_seconds": bare.p50,
            "bare_p99_seconds": bare.p99,
            "visible_p50_seconds": visible.p50,
            "visible_p99_seconds": visible.p99,
        }

    def _peer(self, module: str, *arguments: object) -> float:
        log = self._stack.home / f"{module}.log"
        return float(run(module, arguments, self._stack.env, log)["per_second"])
