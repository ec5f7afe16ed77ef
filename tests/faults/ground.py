"""A proving ground: a system of servers that can be broken, which keeps account of what it sent."""

import secrets
import subprocess
import sys
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from threading import Event

from confluent_kafka import KafkaException, TopicPartition

from deploy import bootstrap
from deploy.awaiting import live_generation, log_end, until
from deploy.bootstrap import PARTITIONS
from identity.name import NOTHING_PUBLISHED
from schemas.absorb import LOG
from schemas.generation import numbers
from speed_layer.view import read_offsets
from tests.integration.system import System


@contextmanager
def ground_on(servers, rules, **settings):
    """A ground on servers, with an id key of its own and its files beside theirs; more settings by name."""
    state, home = servers.up(), servers.home.parent
    env = {
        "UCID_KAFKA": state.kafka,
        "UCID_REDIS": state.redis,
        "UCID_GENERATIONS": str(home / "generations"),
        "UCID_DELTA": str(home / "delta"),
        "UCID_ID_KEY": secrets.token_hex(32),
        **settings,
    }
    ground = Ground(servers, env, rules)
    try:
        yield ground
    finally:
        ground.close()


class Ground(System):
    """Workers run as `ucid speed`, or, where only Redis is to remember, in a group of their own."""

    def __init__(self, servers, env, rules):
        super().__init__(env, rules)
        self.servers = servers
        self.rules = rules
        self.sent = []
        self.published = NOTHING_PUBLISHED  # by the generation that readers stand on
        self._names = {}

    def give(self, messages):
        """Send (topic, payload) pairs; returns when the broker has acknowledged them all."""
        for topic, group in groupby(sorted(messages, key=itemgetter(0)), key=itemgetter(0)):
            payloads = [payload for _, payload in group]
            self.send(payloads, topic)
            self.sent += payloads

    def start_worker(self):
        """`ucid speed`."""
        return self._start("deploy", "speed")

    def start_lone_worker(self):
        """The same in a group of its own."""
        return self._start("tests.faults.worker", str(next(self._count)))

    def log_of(self, worker):
        """The file with what a worker says."""
        return self._logs / f"worker-{self._names[worker.pid]}.log"

    def _start(self, *command):
        name = next(self._count)
        with (self._logs / f"worker-{name}.log").open("wb") as log:
            worker = subprocess.Popen([sys.executable, "-m", *command], env=self.env, stdout=log, stderr=log)
        self._names[worker.pid] = name
        self.workers.append(worker)
        return worker

    def await_progress(self):
        """Until a worker has applied something from here on."""
        seen = self.applied()
        until(lambda: self.applied() > seen, "a worker to apply something", every=0.002)

    def some_work(self, rng):
        """Until a worker has applied something, and is at it again or not."""
        self.await_progress()
        Event().wait(rng.uniform(0, 0.3))

    def await_applied(self, deadline=120.0):
        """As a System does, of a broker that may be busy with starting."""
        until(self._log_is_readable, "the broker to lead its partitions")
        super().await_applied(deadline)

    def _log_is_readable(self):
        try:
            return bool(log_end(self.consumer))
        except KafkaException:
            return False

    def await_backing_off(self, worker):
        """Until a worker says, from here on, that it could not do its work."""
        log = self.log_of(worker)
        said = log.read_bytes().count(b"trying again")
        until(lambda: log.read_bytes().count(b"trying again") > said, "the worker to back off")

    def committed(self):
        """How far the workers have come, as they told Kafka."""
        group = bootstrap.consumer(self.settings, f"ucid-speed-v{numbers(self.settings.generations)[-1]}")
        try:
            wanted = [TopicPartition(topic, i) for topic in LOG for i in range(PARTITIONS[topic])]
            return [found.offset for found in group.committed(wanted, timeout=10)]
        finally:
            group.close()

    def length(self, topic):
        """How many messages a topic of one partition got."""
        return self.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]

    def offsets(self):
        """Where the view that readers stand on stands; empty before they stand on one."""
        number = live_generation(self.redis)
        return read_offsets(self.redis, number) if number is not None else {}
