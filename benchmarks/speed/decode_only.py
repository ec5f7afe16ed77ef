"""A peer, as a program: a consumer that decodes each message, picks its identifiers, and does no more.

What a worker does, it does on top of this. With the worker's own consumer settings, or with librdkafka's
defaults; the decoders are the fastest that Python has for each form.
"""

import argparse
import gc
from collections.abc import Callable, Sequence
from time import perf_counter

import msgspec
from confluent_kafka import Consumer, TopicPartition

from deploy import bootstrap
from deploy.settings import Settings
from schemas.single_object import single_object

TOGETHER = 5_000  # messages asked for at a time
PATIENCE = 30.0  # seconds without a message

Pick = Callable[[Sequence[bytes]], int]


class Event(msgspec.Struct, gc=False):
    """As little of an event as says who did what when."""

    event_id: str
    occurred_at: str
    identifiers: dict[str, str | list[str]]


def _json() -> Pick:
    decode = msgspec.json.Decoder(Event).decode

    def pick(payloads: Sequence[bytes]) -> int:
        picked: list[tuple[str, str | list[str]]] = []
        for payload in payloads:
            event = decode(payload)
            picked += event.identifiers.items()
        return len(picked)

    return pick


def _avro() -> Pick:
    decode = single_object("web_event").read

    def pick(payloads: Sequence[bytes]) -> int:
        picked: list[tuple[str, list[str]]] = []
        for payload in payloads:
            picked += decode(payload)["identifiers"].items()
        return len(picked)

    return pick


FORMS: dict[str, Callable[[], Pick]] = {"json": _json, "avro": _avro, "none": lambda: len}


def main() -> None:
    """Read a topic from its beginning, and print the rate; the first batch only starts the clock."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--defaults", action="store_true", help="librdkafka's, not the worker's settings")
    options = parser.parse_args()
    gc.set_threshold(1_000_000)  # as in a worker
    settings = Settings.load()
    consumer = _defaults(settings) if options.defaults else bootstrap.consumer(settings, "ucid-bench-reader")
    partitions = consumer.list_topics(options.topic, timeout=10).topics[options.topic].partitions
    ends = [
        consumer.get_watermark_offsets(TopicPartition(options.topic, p), timeout=10)[1] for p in partitions
    ]
    consumer.assign([TopicPartition(options.topic, p, 0) for p in partitions])
    rate = _rate(consumer, sum(ends), FORMS[options.form]())
    consumer.close()
    print(msgspec.json.encode({"per_second": rate}).decode())


def _rate(consumer: Consumer, messages: int, pick: Pick) -> float:
    first = left = messages - len(consumer.consume(TOGETHER, PATIENCE))
    start = perf_counter()
    while left:
        batch = consumer.consume(min(TOGETHER, left), PATIENCE)
        if not batch:
            raise SystemExit(f"the log gave no message for {PATIENCE:.0f} s, {left} before its end")
        pick([message.value() for message in batch])  # type: ignore[misc] # nobody sent an empty one
        left -= len(batch)
    return first / (perf_counter() - start)


def _defaults(settings: Settings) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "ucid-bench-reader",
            "auto.offset.reset": "earliest",
        }
    )


if __name__ == "__main__":
    main()
