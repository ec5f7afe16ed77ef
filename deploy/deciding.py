"""A steward's decision on its way to the log, for a server: known to have arrived, or an error."""

import asyncio
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from deploy import bootstrap
from deploy.settings import Settings
from schemas import DECISIONS, Decision, Unavailable, encode

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

# Seconds that the broker may take to say that it has a decision.
PATIENCE_S = 5.0


class Decider:
    """Sends decisions, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    async def send(self, decision: Decision) -> tuple[str, int]:
        """Send; returns `topic:partition` and offset. Raises Unavailable."""
        return await asyncio.to_thread(self._send, encode(decision))

    @cached_property
    def _producer(self) -> "Producer":
        return bootstrap.producer(self._settings)

    def _send(self, payload: bytes) -> tuple[str, int]:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

        told: list[tuple[KafkaError | None, Message]] = []
        with self._lock:
            try:
                self._producer.produce(DECISIONS, payload, on_delivery=lambda *what: told.append(what))
                self._producer.flush(PATIENCE_S)
            except (KafkaException, BufferError):
                told.clear()
        if not told or told[-1][0] is not None:
            raise Unavailable("Kafka has not said that it has the decision: send it again")
        message = told[-1][1]
        return f"{message.topic()}:{message.partition()}", message.offset() or 0
