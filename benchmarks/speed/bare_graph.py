"""A lower limit, as a program: a graph in Redis without rules, by the cheapest means there are.

For each 5,000 events: one MGET of what their identifiers belong to, a union-find over the batch, one
EVALSHA that writes what changed. One writer, no versions, no limits, no times, no changes told, and what
a merge leaves behind of earlier batches is never repaired.
"""

import argparse
import gc
from time import perf_counter
from typing import cast

import msgspec
from confluent_kafka import TopicPartition
from redis import Redis

from benchmarks.speed.decode_only import PATIENCE, TOGETHER, Event
from deploy import bootstrap
from deploy.settings import Settings

_WRITE = """
for i = 1, #ARGV, 2 do redis.call('SET', ARGV[i], ARGV[i + 1]) end
return #ARGV
"""


def main() -> None:
    """Read a topic from its beginning, and print the rate; the first batch only starts the clock."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    topic = parser.parse_args().topic
    gc.set_threshold(1_000_000)  # as in a worker
    settings = Settings.load()
    consumer = bootstrap.consumer(settings, "ucid-bench-graph")
    partitions = [TopicPartition(topic, p) for p in consumer.list_topics(topic).topics[topic].partitions]
    left = sum(consumer.get_watermark_offsets(p, timeout=10)[1] for p in partitions)
    consumer.assign([TopicPartition(topic, p.partition, 0) for p in partitions])
    with bootstrap.redis(settings) as redis:
        graph = _Graph(redis)
        first = left = left - graph.add([m.value() for m in consumer.consume(TOGETHER, PATIENCE)])  # type: ignore[misc]
        start = perf_counter()
        while left:
            left -= graph.add([m.value() for m in consumer.consume(min(TOGETHER, left), PATIENCE)])  # type: ignore[misc]
        print(msgspec.json.encode({"per_second": first / (perf_counter() - start)}).decode())
    consumer.close()


class _Graph:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._write = redis.register_script(_WRITE)
        self._decode = msgspec.json.Decoder(Event).decode

    def add(self, payloads: list[bytes]) -> int:
        """Take in a batch; returns its size."""
        above: dict[str, str] = {}

        def find(x: str) -> str:
            while (parent := above.setdefault(x, x)) != x:
                above[x] = x = above[parent]
            return x

        batches = [_names(self._decode(payload)) for payload in payloads]
        names = list({name for batch in batches for name in batch})
        if not names:
            raise SystemExit("the log gave no more messages before its end")
        known = cast("list[bytes | None]", self._redis.mget(names))
        before = {name: value.decode() for name, value in zip(names, known, strict=True) if value}
        for name, owner in before.items():
            above[find(name)] = find(owner)
        for first, *others in batches:
            for other in others:
                above[find(other)] = find(first)
        changed = [word for n in names if (now := find(n)) != before.get(n) for word in (n, now)]
        if changed:
            self._write(args=changed)
        return len(payloads)


def _names(event: Event) -> list[str]:
    return [
        f"bench:{type_}:{value}"
        for type_, values in event.identifiers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


if __name__ == "__main__":
    main()
