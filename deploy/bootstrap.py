"""The composition root: every part of a running system, made from the settings."""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deploy.errors import InputError, SettingsError
from deploy.settings import Settings
from schemas import CHANGES, EMAIL, TOPICS, WEB

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from pyspark.sql import SparkSession
    from redis import Redis
    from redis.asyncio import Redis as AioRedis
    from starlette.applications import Starlette

    from batch_layer.run import Run
    from batch_layer.sources.importing import Importer
    from batch_layer.sources.tables import Tables
    from schemas import Erasure
    from schemas.ledger import Ledger
    from serving_layer.view import ServingView
    from speed_layer.metrics import Metrics
    from speed_layer.side_lane import SideLane
    from speed_layer.triggers.app import App
    from speed_layer.triggers.model import Triggers
    from speed_layer.triggers.seams import Permissions
    from speed_layer.webhooks.endpoints import Endpoints
    from speed_layer.worker import Worker

PARTITIONS: Mapping[str, int] = {topic.name: topic.partitions for topic in TOPICS.values()}

# Seconds that a connection to Redis may lie idle before it is asked whether it still stands: less than
# the minutes after which firewalls forget it.
REDIS_IDLE_S = 30

# A connection that broke, for a restart or a failover, is tried again at once, and once more a little
# later. What lasts longer is for the caller: a worker backs off, a lookup says that it cannot know.
REDIS_RETRIES = 2
REDIS_BACKOFF_S = (0.05, 0.5)

# Seconds that Kafka has to take the events of a webhook's call; then the service is asked to try again.
# Less than services wait for an answer: Amazon's, the least patient, fifteen seconds.
WEBHOOK_S = 8.0


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


def producer(settings: Settings, patience: float | None = None) -> "Producer":
    """A producer that loses nothing and repeats nothing by itself; see `deploy.kafka`."""
    from deploy import kafka  # noqa: PLC0415 - an extra

    return kafka.producer(settings, patience)


def create_topics(
    settings: Settings, more: Mapping[str, Mapping[str, str]] = MappingProxyType({}), partitions: int = 1
) -> None:
    """Make the topics that are not there yet, and `more`; see `deploy.kafka`. Raises KafkaException."""
    from deploy import kafka  # noqa: PLC0415 - an extra

    kafka.create_topics(settings, more, partitions)


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
        lambda: consumer(settings, "ucid-erasures"),
    )


def side_lane(settings: Settings) -> "SideLane":
    """What works off the facts that a worker put aside."""
    from speed_layer.side_lane import SideLane  # noqa: PLC0415 - an extra

    return SideLane(
        redis(settings),
        settings.generations,
        settings.id_key,
        lambda: consumer(settings, "ucid-erasures"),
    )


def serving_view(settings: Settings) -> "ServingView":
    """The merged view of one tenant."""
    from serving_layer.view import ServingView  # noqa: PLC0415 - an extra

    return ServingView(redis(settings), settings.generations, settings.tenant)


def endpoints(settings: Settings, env: Mapping[str, str] = os.environ) -> "Endpoints":
    """The endpoints of webhooks. Raises SettingsError where no file names them, InputError of a bad one."""
    from deploy.fetching import fetch  # noqa: PLC0415 - an extra
    from speed_layer.webhooks import endpoints  # noqa: PLC0415 - an extra
    from speed_layer.webhooks.errors import EndpointsError  # noqa: PLC0415 - an extra

    if settings.webhooks is None:
        raise SettingsError(
            "UCID_WEBHOOKS is not set: write a file as in docs/webhooks.md, and name it there."
        )
    try:
        return endpoints.load(settings.webhooks, settings.tenant, env, fetch)
    except EndpointsError as error:
        raise InputError(str(error)) from None


def webhooks(settings: Settings, endpoints: "Endpoints") -> "Starlette":
    """The ASGI application that takes the calls of e-mail services."""
    from deploy.sending import send  # noqa: PLC0415 - an extra
    from speed_layer.webhooks.http import application  # noqa: PLC0415 - an extra
    from speed_layer.webhooks.metrics import Metrics  # noqa: PLC0415 - an extra
    from speed_layer.webhooks.receiver import Receiver  # noqa: PLC0415 - an extra
    from speed_layer.webhooks.replays import Replays  # noqa: PLC0415 - an extra

    sender = partial(send, producer(settings, WEBHOOK_S))
    return application(endpoints, Receiver(Replays(redis(settings)), sender), Metrics())


def permissions(settings: Settings) -> "Permissions":
    """What customers have consented to, by the view that everybody reads."""
    from deploy.permitting import ViewPermissions  # noqa: PLC0415 - an extra

    return ViewPermissions(redis(settings), settings.generations)


def triggers(path: Path) -> "Triggers":
    """The triggers of a file. Raises InputError."""
    from speed_layer.triggers import definition  # noqa: PLC0415 - only one command needs it
    from speed_layer.triggers.errors import DefinitionError  # noqa: PLC0415

    try:
        return definition.load(path)
    except DefinitionError as error:
        raise InputError(str(error)) from error


def trigger_app(settings: Settings, of: "Triggers", nothing: Path) -> "App":
    """The app that tells of triggers, and its topics; `nothing` is a directory that stays empty.

    Raises SettingsError where a webhook has no key.
    """
    from deploy import triggering  # noqa: PLC0415 - an extra
    from speed_layer.triggers.app import PARTITIONS as OWN  # noqa: PLC0415
    from speed_layer.triggers.app import App, group, own_topics  # noqa: PLC0415 - an extra
    from speed_layer.triggers.changes import Changes  # noqa: PLC0415
    from speed_layer.triggers.delivery import Delivery  # noqa: PLC0415
    from speed_layer.triggers.events import Events  # noqa: PLC0415
    from speed_layer.triggers.following import Following  # noqa: PLC0415
    from speed_layer.triggers.horizon import Horizon  # noqa: PLC0415
    from speed_layer.triggers.joining import Joining  # noqa: PLC0415
    from speed_layer.triggers.keeping import Keeping  # noqa: PLC0415
    from speed_layer.triggers.turning import Turning  # noqa: PLC0415

    tenant = settings.tenant
    view, following = serving_view(settings), Following(redis(settings))
    customers = triggering.ViewCustomers(view, settings.generations)
    memberships = triggering.ViewMemberships(view, tenant)
    webhook = triggering.webhook(settings, of)
    create_topics(settings, own_topics(tenant), OWN)
    read = {topic: PARTITIONS[topic] for topic in (WEB, EMAIL, CHANGES)}
    return App(
        tenant,
        of,
        Events(tenant, of, customers, following),
        Changes(tenant, of, customers),
        Joining(tenant, of, customers, memberships, following),
        Keeping(tenant, of, customers, memberships),
        Turning(tenant, of, triggering.ViewTurns(view, settings.generations)),
        Horizon(consumer(settings, group(tenant)), read),
        lambda publish: Delivery(of, customers, permissions(settings), webhook, publish),
        triggering.options(settings, nothing),
    )


def spark(
    settings: Settings, spark_settings: Mapping[str, str] | None = None, format_: str = "delta"
) -> "SparkSession":
    """Spark in this process, with what it needs to read a format of slow sources."""
    from batch_layer.session import is_submitted, session  # noqa: PLC0415 - an extra
    from deploy.local import ConsoleProgress, format_jars, spark_jars  # noqa: PLC0415 - only Spark needs jars

    if is_submitted():
        return session((), spark_settings)  # spark-submit was told which jars
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


def ledger(settings: Settings, group: str) -> "Ledger":
    """What the topic of erasures says now. Raises KafkaException."""
    from schemas.ledger import Ledger  # noqa: PLC0415 - with the rest of what is slow to import
    from speed_layer.erasures import ErasureLog  # noqa: PLC0415 - an extra

    topic = ErasureLog(consumer(settings, group), Ledger(settings.id_key))
    try:
        topic.read(level=True)
    finally:
        topic.close()
    return topic.ledger


def source_tables(settings: Settings) -> "Tables":
    """The tables of slow sources."""
    from batch_layer.sources.tables import Tables  # noqa: PLC0415 - an extra

    return Tables(spark(settings), settings.delta)


def settle(settings: Settings, done: "list[Erasure]") -> None:
    """Put what takes the place of requests for erasure into the log. Raises KafkaException."""
    from deploy.sending import send_erasures  # noqa: PLC0415 - an extra

    send_erasures(producer(settings), done)


def batch_job(settings: Settings, spark_settings: Mapping[str, str] | None = None) -> "Run":
    """A run of the batch layer, with Spark in this process."""
    from batch_layer.maintenance import Keep  # noqa: PLC0415 - an extra
    from batch_layer.run import Run  # noqa: PLC0415 - an extra
    from deploy.awaiting import readers  # noqa: PLC0415 - an extra
    from deploy.looking import looking  # noqa: PLC0415 - an extra

    client = redis(settings)
    return Run(
        spark=spark(settings, spark_settings),
        kafka=settings.kafka,
        delta=settings.delta,
        generations=settings.generations,
        id_key=settings.id_key,
        partitions=PARTITIONS,
        kafka_settings=settings.kafka_security.client(),
        spark_kafka_settings=settings.kafka_security.java(),
        look=looking(client, lambda: consumer(settings, "ucid-parity"), settings.generations),
        settle=partial(settle, settings),
        keep=Keep(settings.generations_kept, settings.history_days, lambda: readers(client)),
    )
