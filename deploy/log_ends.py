"""Where the log ends, for whoever wants to know how far behind it an answer is."""

import asyncio
import time
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from deploy import bootstrap
from deploy.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer

# Seconds that Kafka has to answer for a partition, and until it is asked again, whatever it said.
PATIENCE_S = 2.0
AGAIN_S = 1.0


class LogEnds:
    """Asks Kafka, for all that want to know within a second together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._known: dict[str, int] | None = None
        self._until = 0.0

    async def __call__(self) -> dict[str, int] | None:
        """The next offset of each `topic:partition`; None where Kafka does not say."""
        return await asyncio.to_thread(self._ask)

    def close(self) -> None:
        """Let go of Kafka."""
        with self._lock:
            if "_consumer" in self.__dict__:
                self._consumer.close()

    @cached_property
    def _consumer(self) -> "Consumer":
        return bootstrap.consumer(self._settings, "ucid-health")

    def _ask(self) -> dict[str, int] | None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

        from deploy.awaiting import log_end  # noqa: PLC0415 - an extra

        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    ends = log_end(self._consumer, PATIENCE_S)
                    self._known = {partition.decode(): offset for partition, offset in ends.items()}
                except KafkaException:
                    self._known = None
                self._until = time.monotonic() + AGAIN_S
            return self._known
