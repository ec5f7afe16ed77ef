"""What a worker counts and measures, for Prometheus.

Called a few times a batch, never once an event: a batch costs tens of microseconds. Labels are topics,
partitions, types that the rules name, and words of our own: no identifier's value can become one.
docs/operations.md says what each is good for.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from schemas import DeadLetter
from speed_layer.errors import LostView
from speed_layer.health import Health
from speed_layer.histogram import BatchHistogram
from speed_layer.log_statistics import LogStatistics
from speed_layer.refusals import refusal

# Seconds. Below 5 ms there is nothing to see through Kafka; a minute is a rebuild or a fault.
_VISIBLE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_BATCH = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Identifiers: two thirds of all customers hold one or two, and a cap ends the rest.
_SIZES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)

_MICROSECONDS: Final = 1_000_000


class Metrics:
    """The metrics of one worker. Every method may be called while another thread scrapes."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """`registry` is a new one where none is given, so that two workers in a test share nothing."""
        self.registry = registry = CollectorRegistry() if registry is None else registry
        self.statistics = LogStatistics(registry)
        self.health = Health(self.statistics)
        ProcessCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"ucid_speed_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"ucid_speed_{name}", what, registry=registry)

        self._batch = Histogram(
            "ucid_speed_batch_seconds", "Time to apply a batch", buckets=_BATCH, registry=registry
        )
        self._messages = counter("messages", "Messages taken from the log")
        self._events = counter("events", "Messages accepted", "topic", "encoding")
        self._refused = counter("dead_letters", "Messages refused", "topic", "reason")
        self._visible = BatchHistogram(
            "ucid_speed_visible_seconds", "From append to visible in Redis", _VISIBLE, registry
        )
        self._sizes = BatchHistogram(
            "ucid_speed_customer_size", "Identifiers of a written customer", _SIZES, registry
        )
        self._conflicts = counter("conflicts", "Updates that met another worker's")
        self._retries = counter("retries", "Rounds of resolving again after a conflict")
        self._hot = counter("hot_identifiers", "Identifiers that became hot", "type")
        self._relayed = counter("changes_relayed", "Changes of customers that Kafka has")
        self._lost = counter("views_lost", "Times that the view was gone from Redis")
        self._failures = counter("failures", "Turns of the loop that failed, to be tried again", "error")
        self._handovers = counter("handovers", "Switches of the readers to a new generation")
        self._pending = gauge(
            "side_lane_entries",
            "Entries that wait for the side lane: facts that bear on too many",
        )
        self._generation = gauge("generation", "The generation that readers stand on")
        self._through = gauge("applied_through_seconds", "Append time (Unix) up to which events are visible")

    def batch(self, messages: int, seconds: float) -> None:
        """A batch is applied: how many messages it was, and how long it took since they were read."""
        self._messages.inc(messages)
        self._batch.observe(seconds)

    def accepted(self, topic: str, encoding: str, count: int) -> None:
        """So many messages of a topic were accepted; `encoding` is `json` or `avro`."""
        self._events.labels(topic, encoding).inc(count)

    def visible(self, appended: Iterable[int], at: int) -> None:
        """Events appended to the log at these times became visible `at`; microseconds since the epoch.

        Broker and worker need the same time: what seems to come from the future counts as 0.
        """
        # Appending has a resolution of milliseconds: a batch has few distinct times.
        times = Tally(appended)
        if times:
            late = Tally[float]()
            for time, count in times.items():
                late[max(0, at - time) / _MICROSECONDS] += count
            self._visible.add(late)
            self._through.set(max(times) / _MICROSECONDS)

    def refused(self, letters: Iterable[DeadLetter]) -> None:
        """These became dead letters."""
        for (topic, reason), count in Tally((x.topic, refusal(x.reason)) for x in letters).items():
            self._refused.labels(topic, reason).inc(count)

    def customers(self, sizes: Iterable[int]) -> None:
        """Customers of so many identifiers were written."""
        self._sizes.add(Tally[float](sizes))

    def conflicts(self, count: int) -> None:
        """So many updates of one round met a conflict, and that round is tried again."""
        self._conflicts.inc(count)
        self._retries.inc()

    def hot(self, types: Iterable[str]) -> None:
        """Identifiers of these types, one each, became hot."""
        for type_, count in Tally(types).items():
            self._hot.labels(type_).inc(count)

    def relayed(self, count: int) -> None:
        """So many changes left for Kafka, and have arrived."""
        self._relayed.inc(count)

    def turned(self, generation: int) -> None:
        """The worker's loop went round, with all done that was to do; readers stand on `generation`."""
        self._generation.set(generation)
        self.health.turned(generation)

    def failed(self, error: Exception) -> None:
        """The loop went round, failed, and will try again. Only the error's name is kept."""
        self._failures.labels(type(error).__name__).inc()
        if isinstance(error, LostView):
            self._lost.inc()
        self.health.failed(error)

    def handover(self) -> None:
        """Readers were moved to a new generation."""
        self._handovers.inc()

    def pending(self, count: int) -> None:
        """So many entries wait for the side lane."""
        self._pending.set(count)
