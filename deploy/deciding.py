"""What a server puts into the log, a steward's decision say: known to have arrived, or an error."""

import asyncio
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from deploy import bootstrap
from deploy.settings import Settings
from schemas import DECISIONS, WEB, Decision, Unavailable, WebEvent, encode

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

# Seconds that the broker may take to say that it has something.
PATIENCE_S = 5.0


class Decider:
    """Sends decisions and customers' own updates, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    async def send(self, record: Decision | WebEvent) -> tuple[str, int]:
        """Send; returns `topic:partition` and offset. Raises Unavailable."""
        topic = DECISIONS if isinstance(record, Decision) else WEB
        return await asyncio.to_thread(self._send, topic, encode(record))

    @cached_property
    def _producer(self) -> "Producer":
        return bootstrap.producer(self._settings)

    def _send(self, topic: str, payload: bytes) -> tuple[str, int]:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

        told: list[tuple[KafkaError | None, Message]] = []
        with self._lock:
            try:
                self._producer.produce(topic, payload, on_delivery=lambda *what: told.append(what))
                self._producer.flush(PATIENCE_S)
            except (KafkaException, BufferError):
                told.clear()
        if not told or told[-1][0] is not None:
            raise Unavailable("Kafka has not said that it has it: send it again")
        message = told[-1][1]
        return f"{message.topic()}:{message.partition()}", message.offset() or 0
