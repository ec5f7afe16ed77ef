"""Following the topic of erasures: who applies events to a view knows of all that came before them.

Every view is built with the whole topic, from its beginning: what the log brings again, however often, was
erased before it came. The topic has one partition, kept by key, so it is as long as the list of requests.
"""

import logging
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas import ERASURES, Malformed
from schemas.ledger import Ledger, Request
from speed_layer.log import place

log = logging.getLogger(__name__)

# Seconds that the broker has to say where the topic ends, and to hand over what is left of it.
_PATIENCE_S = 10.0

_MOST = 1_000


class ErasureLog:
    """One reader of the topic, and what it has read: `ledger`, and the offset of the next message."""

    def __init__(self, consumer: Consumer, ledger: Ledger) -> None:
        self._consumer = consumer
        self.ledger = ledger
        self.offset = 0
        consumer.assign([TopicPartition(ERASURES, 0, OFFSET_BEGINNING)])
        self._begun = False

    def read(self, *, level: bool) -> list[Request]:
        """What came since the last call and names people; if `level`, all that is in the topic now.

        Whoever has taken events from the log, and then asks to be level, knows of every erasure that is older
        than any of them. Raises KafkaException.
        """
        end = self._end() if level or not self._begun else self.offset
        deadline = monotonic() + _PATIENCE_S
        found: list[Request] = []
        while True:
            behind = self.offset < end
            messages = self._consumer.consume(_MOST, 0.1 if behind else 0)
            for message in messages:
                if message.error() is not None:
                    raise KafkaException(message.error())
                _, _, offset = place(message)
                self.offset = offset + 1
                payload = message.value()
                assert not isinstance(payload, str), "we ask for bytes"
                found += self._taken(payload, message.timestamp()[1] * 1_000, offset)
            if not messages and self.offset >= end:
                self._begun = True
                return found
            if monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001

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
