"""Sending to Kafka, and knowing that it has arrived."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import ERASURES, Erasure, encode

# Seconds.
_SLICE_S = 0.05


def send(producer: Producer, topic: str, payloads: Iterable[bytes], key: bytes | None = None) -> int:
    """Send payloads, wait until the broker has them all, and count them. Raises KafkaException.

    Several threads may send by one producer.
    """
    answers: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        answers.append(error)

    count = 0
    for payload in payloads:
        while True:
            try:
                producer.produce(topic, payload, key, on_delivery=delivered)
                break
            except BufferError:  # the producer's queue is full: let it drain
                producer.poll(0.1)
        count += 1
    # Not flush, which waits for what others send meanwhile. In slices: what arrives may be told to another
    # thread, and a client that is refused says so between them.
    while len(answers) < count:
        producer.poll(_SLICE_S)
    if failed := next((error for error in answers if error is not None), None):
        raise KafkaException(failed)
    return count


def send_erasures(producer: Producer, erasures: Iterable[Erasure]) -> None:
    """Send erasures, each in the place of what its id stood for. Raises KafkaException."""
    for erasure in erasures:
        send(producer, ERASURES, [encode(erasure)], erasure.erasure_id.encode())
