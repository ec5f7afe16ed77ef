"""A histogram that takes a whole batch at once: a step for each distinct value, no call per event."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry


class BatchHistogram(Collector):
    """Prometheus' histogram, filled a batch at a time. `bounds` ascend; each belongs to its bucket."""

    def __init__(self, name: str, what: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._what = what
        self._bounds = tuple(bounds)
        self._buckets = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        # A scrape in the middle of an addition would see a sum that does not fit the buckets.
        self._lock = Lock()
        registry.register(self)

    def add(self, values: Mapping[float, int]) -> None:
        """Count values, given how often there is each."""
        with self._lock:
            for value, count in values.items():
                self._buckets[bisect_left(self._bounds, value)] += count
                self._sum += value * count

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The one family that a scrape sees."""
        with self._lock:
            buckets, total = self._buckets.copy(), self._sum
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        upto = list(zip(names, accumulate(buckets), strict=True))
        yield HistogramMetricFamily(self._name, self._what, upto, total)
