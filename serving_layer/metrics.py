"""What a server counts and measures, for Prometheus. Labels are routes and words of our own.

With several processes a node the library adds up what each has written into PROMETHEUS_MULTIPROC_DIR.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

# Seconds. Half a millisecond is a lookup by itself, a second is a fault.
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"ucid_serve_{name}", what, labels, registry=registry)

        def histogram(name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"ucid_serve_{name}", what, labels, buckets=buckets, registry=registry)

        self._seconds = histogram("seconds", "Time to answer a request", _SECONDS, "route", "status")
        self._requests = histogram("shared_requests", "Requests that shared a round trip to Redis", _SIZES)
        self._identifiers = histogram("shared_identifiers", "Identifiers in such a round trip", _SIZES)
        looked_up = counter("identifiers", "Identifiers that were asked for", "outcome")
        self._found, self._unknown = looked_up.labels("found"), looked_up.labels("unknown")
        self._stale = counter("stale_answers", "Answers without the stream")
        self._refused = counter("refusals", "Requests that were refused", "reason")
        self._generation = Gauge(
            "ucid_serve_generation",
            "The generation that answers rest on",
            registry=registry,
            multiprocess_mode="min",
        )

        self._shown: int | None = None

        # Finding a metric by its labels takes as long as adding to it.
        self._seconds_of = cache(lambda route, status: self._seconds.labels(route, str(status)))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._seconds_of(route, status).observe(seconds)

    def all_answered(self, route: str, status: int, seconds: Sequence[float]) -> None:
        """Several requests were answered alike, each in so many seconds."""
        if seconds:
            _observe(self._seconds_of(route, status), _SECONDS, seconds)

    def shared(self, requests: int, identifiers: int, generation: int) -> None:
        """So many requests share a round trip, on that generation."""
        _observe(self._requests, _SIZES, (requests,))
        _observe(self._identifiers, _SIZES, (identifiers,))
        if generation != self._shown:
            self._shown = generation
            self._generation.set(generation)

    def looked_up(self, found: int, unknown: int, *, stale: int) -> None:
        """So many identifiers were found, and not, in answers of which so many were stale."""
        if found:
            self._found.inc(found)
        if unknown:
            self._unknown.inc(unknown)
        if stale:
            self._stale.inc(stale)

    def refused(self, reason: str) -> None:
        """A request was refused, for a reason in one word: `Refused` has it."""
        self._refused.labels(reason).inc()

    def families(self) -> Iterable[Metric]:
        """What there is, of this process."""
        return self._registry.collect()

    def page(self, accept: str) -> tuple[str, bytes]:
        """Content type and text of all metrics, of all processes of this node."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encode, kind = choose_encoder(accept)
        return kind, encode(registry)


def _observe(histogram: Histogram, bounds: Sequence[float], seen: Sequence[float]) -> None:
    """What the library's `observe` does with each, which would take a tenth of each lookup's time."""
    places = [bisect_left(bounds, one) for one in seen]
    for place in set(places):
        histogram._buckets[place].inc(places.count(place))  # noqa: SLF001
    histogram._sum.inc(sum(seen))  # noqa: SLF001
