"""What the webhooks' server counts, for Prometheus; docs/webhooks.md says what each is good for.

Labels are names of endpoints and words of ours: nothing that a call brought can become one.
"""

from prometheus_client import CollectorRegistry, Counter

from speed_layer.webhooks.receiver import Taken


class Metrics:
    """The metrics of one server. Every method may be called by several threads at once."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """`registry` is a new one where none is given, so that two servers in a test share nothing."""
        self.registry = registry = CollectorRegistry() if registry is None else registry

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"ucid_webhooks_{name}", what, ("endpoint", *labels), registry=registry)

        self._calls = counter("calls", "Calls, by what became of them", "result")
        self._events = counter("events", "Events that Kafka has", "outcome")
        self._ignored = counter("ignored", "Events of kinds that are not kept")
        self._letters = counter("dead_letters", "Events that could not be read")

    def called(self, endpoint: str, result: str) -> None:
        """A call was taken, or why it was not."""
        self._calls.labels(endpoint, result).inc()

    def taken(self, endpoint: str, taken: Taken) -> None:
        """A call was taken, now or before."""
        self.called(endpoint, "repeated" if taken.repeated else "taken")
        for outcome, count in taken.outcomes.items():
            self._events.labels(endpoint, outcome).inc(count)
        self._ignored.labels(endpoint).inc(taken.ignored)
        self._letters.labels(endpoint).inc(len(taken.letters))
