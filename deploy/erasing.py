"""Erasures for a server: on their way to the log, and what has become of them."""

import asyncio
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from deploy import bootstrap
from deploy.errors import InputError
from deploy.sending import send_erasures
from deploy.settings import Settings
from schemas import Erasure, Unavailable

if TYPE_CHECKING:
    from confluent_kafka import Producer

# Seconds that the broker may take to say that it has an erasure.
PATIENCE_S = 5.0


class Eraser:
    """Sends erasures, one at a time, and tells receipts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    async def send(self, messages: list[Erasure]) -> None:
        """Send; the log has them when this returns. Raises Unavailable."""
        await asyncio.to_thread(self._send, messages)

    async def receipt(self, tenant: str, receipt_id: str) -> list[dict[str, Any]] | None:
        """A line for each store; None where there is no such receipt. Raises Unavailable."""
        return await asyncio.to_thread(self._receipt, tenant, receipt_id)

    @cached_property
    def _producer(self) -> "Producer":
        return bootstrap.producer(self._settings, PATIENCE_S)

    def _send(self, messages: list[Erasure]) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

        with self._lock:
            try:
                send_erasures(self._producer, messages)
            except KafkaException:
                raise Unavailable("Kafka has not said that it has the erasure: send it again") from None

    def _receipt(self, tenant: str, receipt_id: str) -> list[dict[str, Any]] | None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        from deploy.receipts import receipt  # noqa: PLC0415 - an extra

        try:
            stores = receipt(self._settings, tenant, receipt_id)
        except InputError:
            return None
        except (KafkaException, RedisError):
            raise Unavailable("Kafka and Redis cannot both be asked how far it has come: try again") from None
        return [msgspec.to_builtins(store) for store in stores]
