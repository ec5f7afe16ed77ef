"""Following the topic of erasures: who applies events to a view knows of all that came before them.

Every view is built with the whole topic, from its beginning: what the log brings again, however often, was
erased before it came. The topic has one partition, kept by key, so it is as long as the list of requests.
"""

import logging
from math import inf
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas import ERASURES, Malformed
from schemas.ledger import Ledger, Request
from speed_layer.log import place

log = logging.getLogger(__name__)

# Seconds that the broker has to say where the topic ends, and to hand over what is left of it.
_PATIENCE_S = 10.0

_MOST = 1_000

# How often, in seconds, who has no events to apply asks for erasures.
EVERY_S = 0.5


class ErasureLog:
    """One reader of the topic, and what it has read: `ledger`, and the offset of the next message."""

    def __init__(self, consumer: Consumer, ledger: Ledger) -> None:
        self._consumer = consumer
        self.ledger = ledger
        self.offset = 0
        self._asked_at = -inf

    def read(self, *, level: bool) -> list[Request]:
        """What came since the last call and names people; if `level`, all that is in the topic now.

        Whoever has taken events from the log, and then asks to be level, knows of every erasure that is older
        than any of them. Raises KafkaException.
        """
        if not level and monotonic() - self._asked_at < EVERY_S:
            return []
        self._asked_at = monotonic()
        end = self._end()
        if self.offset >= end:
            return []
        # Between two of these nothing is asked for: a question would wait behind a consumer that waits.
        self._consumer.assign([TopicPartition(ERASURES, 0, self.offset)])
        try:
            return self._read_to(end)
        finally:
            self._consumer.unassign()

    def _read_to(self, end: int) -> list[Request]:
        deadline = monotonic() + _PATIENCE_S
        found: list[Request] = []
        while self.offset < end:
            for message in self._consumer.consume(_MOST, 0.1):
                if message.error() is not None:
                    raise KafkaException(message.error())
                _, _, offset = place(message)
                self.offset = offset + 1
                payload = message.value()
                assert not isinstance(payload, str), "we ask for bytes"
                found += self._taken(payload, message.timestamp()[1] * 1_000, offset)
            if monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        return found

    def _end(self) -> int:
        bounds = self._consumer.get_watermark_offsets(TopicPartition(ERASURES, 0), timeout=_PATIENCE_S)
        if bounds is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        first, end = bounds
        self.offset = max(self.offset, first)
        return end

    def _taken(self, payload: bytes | None, at: int, offset: int) -> list[Request]:
        try:
            request = self.ledger.take(payload or b"", at, offset)
        except Malformed as error:
            log.warning("%s, offset %d, is no erasure, and erases nobody: %s", ERASURES, offset, error)
            return []
        return [] if request is None else [request]

    def close(self) -> None:
        """Leave Kafka alone."""
        self._consumer.close()
