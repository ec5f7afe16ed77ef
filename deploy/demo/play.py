"""The demo, act by act: everything it prints was measured in this very run."""

import time
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from confluent_kafka import TopicPartition

from batch_layer.run import LANDING, Run
from batch_layer.run import run as run_batch
from batch_layer.session import SMALL
from deploy import bootstrap
from deploy.awaiting import is_applied, live_generation, log_end, until
from deploy.demo.accuracy import measure
from deploy.demo.source import Source
from deploy.demo.stage import act, say
from deploy.demo.visitor import Visitor
from deploy.sending import keying, send
from deploy.settings import Settings
from identity import Customer
from schemas import DEAD_LETTERS, WEB
from schemas.generation import Manifest

# Sent between the good ones, to show that bad input stops nothing and is not lost.
MALFORMED = (b"not JSON at all", b'{"event_id": "x"}', b'{"event_id": "x", "occurred_at": "yesterday"}')

_SHOWN = 3


class Comparison(NamedTuple):
    """Customers of the stream against those of the batch, by id and members."""

    same: int
    different: int


def compare(stream: Iterable[Customer], batch: Iterable[Customer]) -> Comparison:
    """How many customers are the same in both, and how many are in one only or differ."""
    ours = {(customer.id, customer.members) for customer in stream}
    theirs = {(customer.id, customer.members) for customer in batch}
    return Comparison(len(ours & theirs), len(ours ^ theirs))


class Play:
    """One performance on a running system."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self._settings = settings
        self._source = source
        self._redis = bootstrap.redis(settings)
        self._consumer = bootstrap.consumer(settings, "ucid-demo")
        self._producer = bootstrap.producer(settings)
        self._view = bootstrap.serving_view(settings)

    def perform(self) -> bool:
        """Play it; returns whether stream and batch agreed, and who asked for it was forgotten."""
        messages = self._source.messages
        half = len(messages) // 2
        act("1. The first half goes through Kafka into the ID graph in Redis")
        self._stream(messages[:half])
        act("2. Spark rebuilds everything from the log, while the stream goes on")
        job = bootstrap.batch_job(self._settings, SMALL)
        self._batch(job, meanwhile=messages[half:])
        self._await_applied()
        streamed = list(self._view.customers())
        say(f"the stream is through: {len(streamed):,} customers, now on top of generation 1")
        act("3. Does the stream agree with a rebuild from scratch?")
        self._batch(job)
        rebuilt = list(self._view.customers())
        job.spark.stop()
        comparison = compare(streamed, rebuilt)
        say(f"same id and same members: {comparison.same:,}; different: {comparison.different:,}")
        self._look_up(rebuilt)
        self._judge(rebuilt)
        agreed = comparison.same > 0 and comparison.different == 0
        if not self._source.visitor:
            return agreed
        act("6. A visitor becomes known, permits, withdraws, and is forgotten")
        return Visitor(self._settings, self._producer, self._view).perform() and agreed

    def _stream(self, messages: list[tuple[str, bytes]]) -> None:
        start = time.monotonic()
        self._send(messages)
        send(self._producer, WEB, MALFORMED)
        self._await_applied()
        seconds = time.monotonic() - start
        say(f"{len(messages):,} events sent and visible after {seconds:.1f} s")
        letters = self._length(DEAD_LETTERS)
        say(f"{len(MALFORMED)} malformed ones between them, {letters} dead letters: nothing lost")
        say(f"{sum(1 for _ in self._view.customers()):,} customers so far")

    def _send(self, messages: list[tuple[str, bytes]]) -> None:
        key = keying(self._settings.generations)
        for topic, group in groupby(messages, key=lambda message: message[0]):
            send(self._producer, topic, (payload for _, payload in group), key)

    def _await_applied(self) -> None:
        end = log_end(self._consumer)
        until(lambda: is_applied(self._redis, end), "the speed layer to catch up")

    def _length(self, topic: str) -> int:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        return high - low

    def _batch(self, job: Run, meanwhile: list[tuple[str, bytes]] | None = None) -> Manifest:
        start = time.monotonic()
        unsent = list(meanwhile or ())

        def progress(text: str) -> None:
            say(f"  {text} …")
            if unsent and text != LANDING:
                # The cut-off is fixed: what comes now is the stream's until the next run.
                self._send(unsent)
                say(f"  ({len(unsent):,} more events are on their way)")
                unsent.clear()

        manifest = run_batch(job, progress=progress)
        seconds = time.monotonic() - start
        number = manifest.generation
        until(lambda: live_generation(self._redis) == number, f"the handover to generation {number}")
        counts = manifest.counts
        say(
            f"generation {number} after {seconds:.0f} s: {counts['identifiers']:,} identifiers, "
            f"{counts['customers']:,} customers; readers moved over without a gap"
        )
        return manifest

    def _look_up(self, customers: list[Customer]) -> None:
        act("4. Who is this?")
        for customer in sorted(customers, key=lambda c: -len(c.members))[:_SHOWN]:
            asked = customer.members[-1]
            answer = self._view.lookup([asked]).found[0].customer
            assert answer is not None, "it was exported a moment ago"
            say(f"{asked.type}={asked.value} is {answer.id}")
            for member in answer.members:
                say(f"    {member.type:8} {member.value}")

    def _judge(self, customers: list[Customer]) -> None:
        if not self._source.truth:
            return
        act("5. How right is it? (the truth is known here, and was told to nobody)")
        accuracy = measure((customer.members for customer in customers), self._source.truth)
        say(f"precision {accuracy.precision:.4f}, recall {accuracy.recall:.4f}")
        say(f"{accuracy.whole:,} people found whole, {accuracy.split:,} in pieces")
        say(f"{accuracy.mixed:,} customers mix people")
