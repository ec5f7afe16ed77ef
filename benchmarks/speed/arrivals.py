"""A peer, as a program: a consumer that notes when messages arrive, and does no more."""

import argparse
from time import monotonic

import msgspec
from confluent_kafka import TopicPartition

from deploy import bootstrap
from deploy.settings import Settings

_TOGETHER = 5_000
_WAIT = 0.001  # seconds: what is there is taken at once
_PATIENCE = 30.0  # seconds without a message


def main() -> None:
    """Read so many messages of a topic, and print [moment, partition, next offset] of each batch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("messages", type=int)
    options = parser.parse_args()
    consumer = bootstrap.consumer(Settings.load(), "ucid-bench-arrivals")
    partitions = consumer.list_topics(options.topic, timeout=10).topics[options.topic].partitions
    consumer.assign([TopicPartition(options.topic, p, 0) for p in partitions])
    arrived: list[tuple[float, int, int]] = []
    left, last = options.messages, monotonic()
    while left > 0:
        batch = consumer.consume(_TOGETHER, _WAIT)
        now = monotonic()
        if now - last > _PATIENCE:
            raise SystemExit(f"no message for {_PATIENCE:.0f} s, {left} are missing")
        if batch:
            left, last = left - len(batch), now
            reached = {message.partition(): message.offset() for message in batch}
            arrived += [(now, p or 0, (offset or 0) + 1) for p, offset in reached.items()]
    consumer.close()
    print(msgspec.json.encode(arrived).decode())


if __name__ == "__main__":
    main()
