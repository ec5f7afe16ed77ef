"""As much of Kafka as the speed layer sees: messages, a log to consume, a broker that may be away."""

from dataclasses import dataclass

from confluent_kafka import KafkaError


@dataclass(frozen=True)
class FakeMessage:
    """What confluent_kafka.Message answers; `at` is the append time in milliseconds."""

    in_topic: str
    in_partition: int
    at_offset: int
    bytes_: bytes | None
    at: int
    key_: bytes | None = None

    def topic(self):
        return self.in_topic

    def partition(self):
        return self.in_partition

    def offset(self):
        return self.at_offset

    def value(self):
        return self.bytes_

    def key(self):
        return self.key_

    def timestamp(self):
        return (2, self.at)

    def error(self):
        return None

    def __len__(self):
        return len(self.bytes_ or b"")


def numbered(values, at, topic="web.events", start=0):
    """Messages of one partition, a millisecond apart."""
    return [FakeMessage(topic, 0, start + i, value, at + i) for i, value in enumerate(values)]


class FakeConsumer:
    """Hands out a list of messages."""

    def __init__(self, messages):
        self._left = list(messages)

    def subscribe(self, _topics, on_assign):
        """All partitions are its own."""

    def consume(self, most, _timeout):
        taken, self._left = self._left[:most], self._left[most:]
        return taken

    def commit(self, *, asynchronous):
        assert asynchronous

    def close(self):
        """Leaves nothing."""


class FakeProducer:
    """Keeps what it sends, except while the broker is `away`."""

    def __init__(self):
        self.sent = []
        self.away = False
        self._waiting = []

    def produce(self, topic, value, key, on_delivery):
        self._waiting.append((topic, value, key, on_delivery))

    def poll(self, timeout):
        self.flush(timeout)

    def flush(self, _timeout):
        waiting, self._waiting = self._waiting, []
        for topic, value, key, told in waiting:
            if not self.away:
                self.sent.append((topic, value, key))
            told(KafkaError(KafkaError._MSG_TIMED_OUT) if self.away else None, None)
        return 0


class FakeErasures:
    """The topic of erasures: `messages` may grow; compaction may have taken some of them."""

    def __init__(self, messages=()):
        self.messages = list(messages)
        self._next = 0

    def assign(self, partitions):
        (partition,) = partitions
        self._next = sum(message.offset() < partition.offset for message in self.messages)

    def unassign(self):
        """Asks for nothing."""

    def get_watermark_offsets(self, _partition, timeout):
        assert timeout > 0
        ends = [message.offset() + 1 for message in self.messages]
        return min(ends, default=1) - 1, max(ends, default=0)

    def consume(self, most, _timeout):
        taken = self.messages[self._next : self._next + most]
        self._next += len(taken)
        return taken

    def close(self):
        """Leaves nothing."""
