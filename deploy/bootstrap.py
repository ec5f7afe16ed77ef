"""The composition root: every part of a running system, made from the settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from deploy.settings import Settings
from schemas import TOPICS

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from pyspark.sql import SparkSession
    from redis import Redis
    from redis.asyncio import Redis as AioRedis

    from batch_layer.run import Run
    from batch_layer.sources.importing import Importer
    from batch_layer.sources.tables import Tables
    from serving_layer.access.audit import Entry
    from serving_layer.view import ServingView
    from speed_layer.metrics import Metrics
    from speed_layer.side_lane import SideLane
    from speed_layer.worker import Worker

PARTITIONS: Mapping[str, int] = {topic.name: topic.partitions for topic in TOPICS.values()}

# Seconds that a connection to Redis may lie idle before it is asked whether it still stands: less than
# the minutes after which firewalls forget it.
REDIS_IDLE_S = 30

# A connection that broke, for a restart or a failover, is tried again at once, and once more a little
# later. What lasts longer is for the caller: a worker backs off, a lookup says that it cannot know.
REDIS_RETRIES = 2
REDIS_BACKOFF_S = (0.05, 0.5)


def redis(settings: Settings, timeout: float | None = None) -> "Redis":
    """A client of the speed view's Redis; connects on first use.

    `timeout` is how many seconds a connection or an answer may take; default: UCID_REDIS_TIMEOUT.
    """
    from redis import Redis  # noqa: PLC0415 - an extra, and slow to import
    from redis.retry import Retry  # noqa: PLC0415

    return Redis.from_url(settings.redis_url, retry=Retry(*_patience()), **_redis(settings, timeout))


def redis_aio(settings: Settings) -> "AioRedis":
    """The same for an event loop."""
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra, and slow to import
    from redis.asyncio.retry import Retry  # noqa: PLC0415

    client: AioRedis = Redis.from_url(settings.redis_url, retry=Retry(*_patience()), **_redis(settings, None))
    return client


def _patience() -> tuple[Any, int]:
    from redis.backoff import ExponentialBackoff  # noqa: PLC0415 - an extra

    base, cap = REDIS_BACKOFF_S
    return ExponentialBackoff(cap, base), REDIS_RETRIES


def _redis(settings: Settings, timeout: float | None) -> dict[str, Any]:
    security = settings.redis_security
    seconds = security.timeout if timeout is None else timeout
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "health_check_interval": REDIS_IDLE_S,
        **security.options(),
    }


def consumer(settings: Settings, group: str, statistics: Callable[[str], None] | None = None) -> "Consumer":
    """A consumer tuned for throughput; see `deploy.kafka`."""
    from deploy import kafka  # noqa: PLC0415 - an extra

    return kafka.consumer(settings, group, statistics)


def producer(settings: Settings) -> "Producer":
    """A producer that loses nothing and repeats nothing by itself."""
    from deploy import kafka  # noqa: PLC0415 - an extra

    return kafka.producer(settings)


def create_topics(settings: Settings) -> None:
    """Make the topics that are not there yet. Raises KafkaException."""
    from deploy import kafka  # noqa: PLC0415 - an extra

    kafka.create_topics(settings)


def worker(
    settings: Settings,
    metrics: "Metrics | None" = None,
    start_side_lane: Callable[[], object] = lambda: None,
) -> "Worker":
    """A worker of the speed layer, counted and watched by `metrics`."""
    from speed_layer.metrics import Metrics  # noqa: PLC0415 - an extra
    from speed_layer.outbox import Outbox  # noqa: PLC0415 - an extra
    from speed_layer.worker import Worker  # noqa: PLC0415 - an extra

    watch = metrics or Metrics()
    client = redis(settings)
    return Worker(
        client,
        settings.generations,
        lambda generation: consumer(settings, f"ucid-speed-v{generation}", watch.statistics.of(generation)),
        Outbox(client, producer(settings)),
        settings.id_key,
        watch,
        start_side_lane,
    )


def side_lane(settings: Settings) -> "SideLane":
    """What works off the facts that a worker put aside."""
    from speed_layer.side_lane import SideLane  # noqa: PLC0415 - an extra

    return SideLane(redis(settings), settings.generations, settings.id_key)


def serving_view(settings: Settings) -> "ServingView":
    """The merged view of one tenant."""
    from serving_layer.view import ServingView  # noqa: PLC0415 - an extra

    return ServingView(redis(settings), settings.generations, settings.tenant)


@contextmanager
def audited(settings: Settings) -> "Iterator[Callable[[Entry], None]]":
    """Notes in the audit log what a command does, before it is done. Raises SettingsError, AuditFailed."""
    from serving_layer.access.audit import AuditLog, Seal  # noqa: PLC0415 - an extra

    log = AuditLog(settings.audit, settings.anchors, Seal(settings.id_key))
    try:
        yield log.note_now
    finally:
        log.close()


def spark(
    settings: Settings, spark_settings: Mapping[str, str] | None = None, format_: str = "delta"
) -> "SparkSession":
    """Spark in this process, with what it needs to read a format of slow sources."""
    from batch_layer.session import session  # noqa: PLC0415 - an extra
    from deploy.local import ConsoleProgress, format_jars, spark_jars  # noqa: PLC0415 - only Spark needs jars

    progress = ConsoleProgress()
    jars = [*spark_jars(settings.cache, progress), *format_jars(format_, settings.cache, progress)]
    progress.close()
    return session(jars, spark_settings)


def importer(
    settings: Settings,
    format_: str,
    *,
    clock: Callable[[], int],
    progress: Callable[[str], None],
    accept: bool = False,
    again: bool = False,
    dry: bool = False,
) -> "Importer":
    """What loads slow sources of a format; see `batch_layer.sources.importing.Importer`."""
    from batch_layer.sources.importing import Importer  # noqa: PLC0415 - an extra

    return Importer(
        cache(lambda: spark(settings, format_=format_)),
        settings.delta,
        clock,
        progress,
        accept=accept,
        again=again,
        dry=dry,
    )


def source_tables(settings: Settings) -> "Tables":
    """The tables of slow sources."""
    from batch_layer.sources.tables import Tables  # noqa: PLC0415 - an extra

    return Tables(spark(settings), settings.delta)


def batch_job(settings: Settings, spark_settings: Mapping[str, str] | None = None) -> "Run":
    """A run of the batch layer, with Spark in this process."""
    from batch_layer.run import Run  # noqa: PLC0415 - an extra

    return Run(
        spark=spark(settings, spark_settings),
        kafka=settings.kafka,
        delta=settings.delta,
        generations=settings.generations,
        id_key=settings.id_key,
        partitions=PARTITIONS,
        kafka_settings=settings.kafka_security.client(),
        spark_kafka_settings=settings.kafka_security.java(),
    )
