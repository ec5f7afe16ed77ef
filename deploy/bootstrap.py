"""The composition root: every part of a running system, made from the settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deploy.settings import Settings
from schemas import TOPICS

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from redis import Redis

    from batch_layer.run import Run
    from serving_layer.view import ServingView
    from speed_layer.worker import Worker

PARTITIONS: Mapping[str, int] = {topic.name: topic.partitions for topic in TOPICS.values()}

# Twice the largest message, so that one which is to be dead-lettered never stops a fetch.
_FETCH_BYTES = 2 * max(topic.max_message for topic in TOPICS.values())


def redis(settings: Settings) -> "Redis":
    """A client of the speed view's Redis; connects on first use."""
    from redis import Redis  # noqa: PLC0415 - an extra, and slow to import

    return Redis.from_url(settings.redis_url)


def consumer(settings: Settings, group: str) -> "Consumer":
    """A consumer tuned for throughput: librdkafka's defaults fetch ahead too little."""
    from confluent_kafka import Consumer  # noqa: PLC0415 - an extra

    return Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": group,
            "enable.auto.commit": False,
            # The shortest that brokers allow by default: so long do the partitions of a worker that was
            # killed wait for another. Heartbeats come from a thread of their own, however busy we are.
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 1_500,
            # A partition whose oldest records retention has dropped is read from what is left.
            "auto.offset.reset": "earliest",
            "queued.min.messages": 1_000_000,
            "queued.max.messages.kbytes": 262_144,
            "fetch.queue.backoff.ms": 5,
            "fetch.message.max.bytes": _FETCH_BYTES,
        }
    )


def producer(settings: Settings) -> "Producer":
    """A producer that loses nothing and repeats nothing by itself."""
    from confluent_kafka import Producer  # noqa: PLC0415 - an extra

    return Producer(
        {
            "bootstrap.servers": settings.kafka,
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.max.bytes": max(topic.max_message for topic in TOPICS.values()),
        }
    )


def worker(settings: Settings) -> "Worker":
    """A worker of the speed layer."""
    from speed_layer.outbox import Outbox  # noqa: PLC0415 - an extra
    from speed_layer.worker import Worker  # noqa: PLC0415 - an extra

    client = redis(settings)
    return Worker(
        client,
        settings.generations,
        lambda generation: consumer(settings, f"ucid-speed-v{generation}"),
        Outbox(client, producer(settings)),
        settings.id_key,
    )


def serving_view(settings: Settings) -> "ServingView":
    """The merged view of one tenant."""
    from serving_layer.view import ServingView  # noqa: PLC0415 - an extra

    return ServingView(redis(settings), settings.generations, settings.tenant)


def batch_job(settings: Settings, spark_settings: Mapping[str, str] | None = None) -> "Run":
    """A run of the batch layer, with Spark in this process."""
    from batch_layer.run import Run  # noqa: PLC0415 - an extra
    from batch_layer.session import session  # noqa: PLC0415 - an extra
    from deploy.local import ConsoleProgress, spark_jars  # noqa: PLC0415 - only Spark needs jars

    progress = ConsoleProgress()
    jars = spark_jars(settings.cache, progress)
    progress.close()
    return Run(
        spark=session(jars, spark_settings),
        kafka=settings.kafka,
        delta=settings.delta,
        generations=settings.generations,
        id_key=settings.id_key,
        partitions=PARTITIONS,
    )


def create_topics(settings: Settings) -> None:
    """Make the topics that are not there yet. Raises KafkaException."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - an extra
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - an extra
    from confluent_kafka.cimpl import NewTopic  # noqa: PLC0415 - an extra

    admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 3})
    wanted = [NewTopic(topic.name, topic.partitions, config=dict(topic.config)) for topic in TOPICS.values()]
    for future in admin.create_topics(wanted).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
