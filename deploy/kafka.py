"""Clients of Kafka: tuned, known to the broker, and plain about being refused by it.

docs/settings.md holds the same values, and a test that they are the same.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy.errors import SettingsError
from deploy.repeats import Once
from deploy.settings import Settings
from schemas import TOPICS

log = logging.getLogger("librdkafka")
log.addFilter(Once())

_LARGEST = max(topic.max_message for topic in TOPICS.values())

CONSUMER: Mapping[str, str | int | bool] = {
    # Where a view stands is written beside it, in Redis; Kafka's own offsets are for people who watch.
    "enable.auto.commit": False,
    # The shortest that brokers allow by default: so long do the partitions of a worker that was killed
    # wait for another. Heartbeats come from a thread of their own, however busy we are.
    "session.timeout.ms": 6_000,
    "heartbeat.interval.ms": 1_500,
    # A partition whose oldest records retention has dropped is read from what is left.
    "auto.offset.reset": "earliest",
    # By default librdkafka stops fetching at 100,000 messages and looks again after a second.
    "queued.min.messages": 1_000_000,
    "queued.max.messages.kbytes": 262_144,
    "fetch.queue.backoff.ms": 5,
    # Two of a producer's largest batches: partitions take turns. With more of each at a time they are read
    # one after the other, and who was first taken in turns out late, for each customer again. A message that
    # is larger is fetched all the same, alone.
    "fetch.message.max.bytes": 1 << 21,
}

PRODUCER: Mapping[str, str | int | bool] = {
    # Retries neither repeat nor reorder.
    "enable.idempotence": True,
    # Changes of a batch leave together; nobody waits for one alone.
    "linger.ms": 5,
    "message.max.bytes": _LARGEST,
}

# How often librdkafka reports on itself where somebody listens, in milliseconds; 0.1 ms of work each time.
STATISTICS_MS = 1_000

_USER = "check UCID_KAFKA_USER, UCID_KAFKA_PASSWORD and UCID_KAFKA_SASL"
_TLS = "check UCID_KAFKA_SECURITY, UCID_KAFKA_CA, UCID_KAFKA_CERT and UCID_KAFKA_KEY"

# Part of what librdkafka says, as of a mere fault of the network, where the other side ends a handshake.
_ALERT = "SSL routines"


class KafkaRefused(KafkaException, SettingsError):
    """The broker does not let us in, or we do not trust it; the text names the settings to look at.

    A worker rides it out like every KafkaException, for a password may be changed on both sides; a command
    ends with it like with every SettingsError.
    """

    def __str__(self) -> str:
        """Kafka's words, which hold no secret, and what to do."""
        error = self.args[0]
        return f"Kafka: {error.str()}: {_advice(error)}."


def _advice(error: KafkaError) -> str | None:
    """Which settings to look at, where an error says that we are refused."""
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001
        return _USER
    refused = error.code() == KafkaError._SSL or _ALERT in error.str()  # noqa: SLF001
    return _TLS if refused else None


class _Refusals:
    """Raises, from the client's next call, once every broker has refused us.

    Otherwise librdkafka would try for ever and let the caller wait for no apparent reason.
    """

    def __init__(self) -> None:
        self._none_is_up = False
        self._last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._none_is_up = True
        elif _advice(error) is not None:
            self._last = error
        if self._none_is_up and self._last is not None:
            refused, self._last = self._last, None
            raise KafkaRefused(refused)


def consumer(settings: Settings, group: str, statistics: Callable[[str], None] | None = None) -> Consumer:
    """A consumer tuned for throughput; `statistics` is called with librdkafka's reports on itself."""
    reports: dict[str, Any] = {}
    if statistics is not None:
        reports = {"stats_cb": statistics, "statistics.interval.ms": STATISTICS_MS}
    return Consumer({**common(settings), **CONSUMER, **reports, "group.id": group}, logger=log)


def producer(settings: Settings, patience: float | None = None) -> Producer:
    """A producer that loses nothing and repeats nothing by itself.

    `patience` is how many seconds a message may take to arrive; default: librdkafka's five minutes.
    """
    limits = {} if patience is None else {"delivery.timeout.ms": round(patience * 1_000)}
    return Producer({**common(settings), **PRODUCER, **limits}, logger=log)


def create_topics(settings: Settings, more: Mapping[str, Mapping[str, str]], partitions: int) -> None:
    """Make the topics that are not there yet, and `more` by name, with settings, of so many partitions.

    Raises KafkaException.
    """
    from confluent_kafka.cimpl import NewTopic  # noqa: PLC0415 - mypy finds it nowhere else

    # What goes wrong is raised, so the client need not log it as well.
    admin = AdminClient({**common(settings), "log_level": 0})
    wanted = [NewTopic(topic.name, topic.partitions, config=dict(topic.config)) for topic in TOPICS.values()]
    wanted += [NewTopic(name, partitions, config=dict(config)) for name, config in more.items()]
    for future in admin.create_topics(wanted).values():
        while not future.done():
            admin.poll(0.1)  # raises KafkaRefused
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def common(settings: Settings) -> dict[str, Any]:
    """What every client of the broker is told."""
    return {
        "bootstrap.servers": settings.kafka,
        **settings.kafka_security.client(),
        "error_cb": _Refusals(),
    }
