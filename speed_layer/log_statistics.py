"""How far behind the log a worker is, and whether Kafka answers: from what librdkafka reports itself.

It does so once a second, through the consumer's own poll, so this costs no request and no thread.
"""

import time
from collections.abc import Callable, Iterator

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

# Reports older than this (seconds) say nothing any more: nobody polls.
_FRESH_S = 15.0


class _Broker(msgspec.Struct):
    nodeid: int
    state: str


class _Partition(msgspec.Struct):
    fetch_state: str
    hi_offset: int
    app_offset: int  # after the last message that we took; negative while we took none
    next_offset: int


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Group(msgspec.Struct):
    join_state: str
    rebalance_cnt: int


class _Report(msgspec.Struct):
    """What of https://github.com/confluentinc/librdkafka/blob/master/STATISTICS.md we read."""

    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}
    cgrp: _Group | None = None

    @property
    def connected(self) -> bool:
        return any(broker.state == "UP" and broker.nodeid >= 0 for broker in self.brokers.values())

    @property
    def joined(self) -> bool:
        return self.cgrp is not None and self.cgrp.join_state == "steady"

    def lag(self) -> Iterator[tuple[str, str, int]]:
        """Topic, partition and how many of its messages we have not taken; of ours only."""
        for topic, found in self.topics.items():
            for number, partition in found.partitions.items():
                if partition.fetch_state == "active" and partition.hi_offset >= 0:
                    at = partition.app_offset if partition.app_offset >= 0 else partition.next_offset
                    yield topic, number, max(0, partition.hi_offset - at)


_decode = msgspec.json.Decoder(_Report).decode


class LogStatistics(Collector):
    """The newest report of each lane's consumer, by generation."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[int, tuple[float, _Report]] = {}
        registry.register(self)

    def of(self, generation: int) -> Callable[[str], None]:
        """What librdkafka is to call, as its `stats_cb`, for the lane on a generation."""

        def report(text: str) -> None:
            self._reports = {**dict(self._fresh()), generation: (self._clock(), _decode(text))}

        return report

    def following(self, generation: int) -> bool:
        """Whether the lane on a generation is connected, and a settled member of its group."""
        report = self._report(generation)
        return report is not None and report.connected and report.joined

    def lag(self, generation: int) -> int:
        """How many messages a lane has not taken yet, of all its partitions."""
        report = self._report(generation)
        return sum(count for _, _, count in report.lag()) if report is not None else 0

    def collect(self) -> Iterator[Metric]:
        """What a scrape sees."""
        fresh = [(generation, report) for generation, (_, report) in self._fresh()]
        up = GaugeMetricFamily("ucid_speed_kafka_up", "Whether a broker is connected")
        up.add_metric([], float(any(report.connected for _, report in fresh)))
        yield up
        lag = GaugeMetricFamily(
            "ucid_speed_lag_messages",
            "Messages of the log not taken yet",
            labels=["generation", "topic", "partition"],
        )
        rebalances = CounterMetricFamily(
            "ucid_speed_rebalances", "Rebalances that a lane went through", labels=["generation"]
        )
        for generation, report in fresh:
            for topic, partition, count in report.lag():
                lag.add_metric([str(generation), topic, partition], count)
            if report.cgrp is not None:
                rebalances.add_metric([str(generation)], report.cgrp.rebalance_cnt)
        yield lag
        yield rebalances

    def _report(self, generation: int) -> _Report | None:
        return next((report for number, (_, report) in self._fresh() if number == generation), None)

    def _fresh(self) -> list[tuple[int, tuple[float, _Report]]]:
        """A lane that was closed, after a handover for one, drops out by itself."""
        oldest = self._clock() - _FRESH_S
        return [(number, found) for number, found in self._reports.items() if found[0] >= oldest]
