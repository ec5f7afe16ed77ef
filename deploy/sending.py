"""Sending to Kafka, and knowing that it has arrived."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer


def send(producer: Producer, topic: str, payloads: Iterable[bytes]) -> int:
    """Send payloads, wait until the broker has them all, and count them. Raises KafkaException."""
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    count = 0
    for payload in payloads:
        while True:
            try:
                producer.produce(topic, payload, on_delivery=delivered)
                break
            except BufferError:  # the producer's queue is full: let it drain
                producer.poll(0.1)
        count += 1
    while producer.flush(1):  # in slices: a client that is refused says so between them
        pass
    if failed:
        raise KafkaException(failed[0])
    return count
