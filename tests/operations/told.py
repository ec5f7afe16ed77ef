"""Metrics that have been told of everything, so that every name and label is there."""

from schemas import WEB, DeadLetter
from speed_layer.errors import LostView
from speed_layer.metrics import Metrics
from speed_layer.redis_statistics import RedisStatistics
from tests.operations.librdkafka import report


def letter(reason, topic=WEB):
    return DeadLetter(topic=topic, partition=0, offset=0, ingested_at=0, value=b"", reason=reason)


def told_of_everything(redis):
    metrics = Metrics()
    RedisStatistics(redis, metrics.registry)
    metrics.accepted(WEB, "json", 9)
    metrics.refused([letter("not JSON")])
    metrics.visible([1, 2, 3], 1_000_003)
    metrics.customers([1, 2, 3])
    metrics.conflicts(2)
    metrics.hot(["cookie"])
    metrics.relayed(3)
    metrics.pending(1)
    metrics.handover()
    metrics.batch(10, 0.1)
    metrics.failed(LostView("gone"))
    metrics.turned(3)
    metrics.statistics.of(3)(report(partitions=[(WEB, 0, "active", 10, 7, 9)]))
    return metrics


def samples(metrics):
    """(name, labels as a sorted tuple) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
    }
