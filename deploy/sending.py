"""Sending to Kafka, and knowing that it has arrived."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from identity import rulefile
from schemas import ERASURES, Erasure, encode
from schemas.generation import open_generation, wanted
from schemas.message_key import message_key

# Makes the key of a message of its payload.
Keying = Callable[[bytes], bytes | None]

# Seconds.
_SLICE_S = 0.05


def _no_key(_: bytes) -> None:
    """Any partition will do."""


def send(
    producer: Producer,
    topic: str,
    payloads: Iterable[bytes],
    key: Keying = _no_key,
) -> int:
    """Send payloads, wait until the broker has them all, and count them. Raises KafkaException.

    Several threads may send by one producer.
    """
    answers: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        answers.append(error)

    count = 0
    for payload in payloads:
        own = key(payload)
        while True:
            try:
                producer.produce(topic, payload, own, on_delivery=delivered)
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


def keying(generations: Path) -> Keying:
    """Keys events by the rules in force; without these by nothing."""
    number = wanted(generations)
    if number is None:
        return _no_key
    rules = rulefile.parse(open_generation(generations, number).manifest.rules, "the generation's rules")
    return partial(message_key, rules=rules)


def _always(key: bytes) -> Keying:
    return lambda _: key


def send_erasures(producer: Producer, erasures: Iterable[Erasure]) -> None:
    """Send erasures, each in the place of what its id stood for. Raises KafkaException."""
    for erasure in erasures:
        send(producer, ERASURES, [encode(erasure)], _always(erasure.erasure_id.encode()))
