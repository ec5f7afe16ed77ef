"""How Redis does, asked when somebody scrapes: not per batch, and by a connection of its own."""

from collections.abc import Iterator
from typing import Any, cast

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from redis import Redis
from redis.exceptions import RedisError

from schemas import overlay

# Prefix of the metric, what it says, and the field of INFO.
_INFO = (
    ("redis_memory_bytes", "Memory that Redis uses", "used_memory"),
    ("redis_memory_limit_bytes", "Memory that Redis may use; 0: no limit", "maxmemory"),
)


class RedisStatistics(Collector):
    """Gauges of the speed view's Redis; `redis` should not wait long, for a scrape waits with it."""

    def __init__(self, redis: Redis, registry: CollectorRegistry) -> None:
        self._redis = redis
        registry.register(self)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """What there will be; so that registering does not ask Redis."""
        return self._families({}, 0)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What a scrape sees; where Redis does not answer, only that."""
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.info("memory")
            pipeline.xlen(cast("str", overlay.OUTBOX))
            memory, waiting = pipeline.execute()
        except (RedisError, OSError):
            yield GaugeMetricFamily("ucid_speed_redis_up", "Whether Redis answers", 0)
            return
        yield GaugeMetricFamily("ucid_speed_redis_up", "Whether Redis answers", 1)
        yield from self._families(memory, waiting)

    @staticmethod
    def _families(memory: dict[str, Any], waiting: int) -> Iterator[GaugeMetricFamily]:
        for name, what, field in _INFO:
            yield GaugeMetricFamily(f"ucid_speed_{name}", what, memory.get(field, 0))
        yield GaugeMetricFamily("ucid_speed_outbox_entries", "Commits whose changes wait for Kafka", waiting)
