"""A program that sends events at a steady rate, and prints when each of a sample was sent.

Its clock is the machine's monotonic one, which is the same in every process.
"""

import argparse
from collections.abc import Callable
from itertools import islice
from time import monotonic, sleep

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from benchmarks.speed.workload import Workload, as_json
from deploy import bootstrap
from deploy.sending import keying
from deploy.settings import Settings

_TICK = 0.001  # seconds
_SAMPLES = 500  # a second, at most

Moment = tuple[float, int, int]
KeyedPayload = tuple[bytes, bytes | None]


def main() -> None:
    """Send what the customers of a workload do after it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("events", type=int, help="how many the log holds")
    parser.add_argument("rate", type=float, help="a second")
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    count = round(options.rate * options.seconds)
    # Made beforehand: whoever sends has other things to do than making events up.
    settings = Settings.load()
    key = keying(settings.generations)
    payloads = [as_json(event) for event in islice(Workload.of(options.events).next(count), count)]
    messages = [(payload, key(payload)) for payload in payloads]
    sent = send(bootstrap.producer(settings), options.topic, messages, options.rate)
    print(msgspec.json.encode(sent).decode())


def send(producer: Producer, topic: str, messages: list[KeyedPayload], rate: float) -> list[Moment]:
    """Moment, partition and offset of a sample. Raises KafkaException where something was not taken."""
    sent: list[Moment] = []
    failed: list[KafkaError] = []

    def noting(moment: float) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error)
            else:
                sent.append((moment, message.partition() or 0, message.offset() or 0))

        return delivered

    sampled = max(round(rate / _SAMPLES), 1)
    start = monotonic()
    for number, (payload, key) in enumerate(messages):
        while monotonic() < start + number / rate:
            producer.poll(0)
            sleep(_TICK)
        if number % sampled:
            producer.produce(topic, payload, key)
        else:
            producer.produce(topic, payload, key, on_delivery=noting(monotonic()))
    producer.flush()
    if failed:
        raise KafkaException(failed[0])
    return sent


if __name__ == "__main__":
    main()
