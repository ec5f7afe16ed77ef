"""Where a partition of the log begins and ends, also while its leader moves."""

from time import monotonic, sleep
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

# Seconds until a broker is given up: more than an election takes.
_PATIENCE_S: Final = 30.0

# Seconds between two tries: the client learns of a new leader meanwhile.
_AGAIN_S: Final = 0.2

# A topic that was just made, or a broker that was just started, has a leader in a moment.
_MOVING: Final = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE,
}


def watermarks(consumer: Consumer, where: TopicPartition, patience: float = _PATIENCE_S) -> tuple[int, int]:
    """The first offset of a partition and the one after the last. Raises KafkaException.

    `patience`: seconds that Kafka has to answer.
    """
    deadline = monotonic() + patience
    while True:
        try:
            bounds = consumer.get_watermark_offsets(where, timeout=patience)
        except KafkaException as error:
            if error.args[0].code() not in _MOVING or monotonic() > deadline:
                raise
            sleep(_AGAIN_S)
        else:
            if bounds is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
            begin, end = bounds
            return begin, end
