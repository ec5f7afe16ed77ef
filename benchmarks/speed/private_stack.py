"""Kafka and Redis for one run: in a directory of their own, never the user's, gone afterwards."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from redis import Redis

from batch_layer.begin import begin
from deploy import bootstrap
from deploy.awaiting import log_end
from deploy.beginning import STARTER_RULES
from deploy.local import Stack
from deploy.sending import keying, send
from deploy.settings import Settings
from schemas import WEB


class PrivateStack:
    """Running servers, and the settings under which programs find them."""

    def __init__(self, home: Path, rules: str) -> None:
        self.home = home
        self._stack = Stack(home / "stack")
        state = self._stack.up()
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("UCID_")},
            "UCID_HOME": str(self._stack.home),
            "UCID_KAFKA": state.kafka,
            "UCID_REDIS": state.redis,
            "UCID_GENERATIONS": str(home / "generations"),
            "UCID_DELTA": str(home / "delta"),
            "UCID_ID_KEY": secrets.token_hex(32),
        }
        self.settings = Settings.load(self.env)
        bootstrap.create_topics(self.settings)
        begin(self.settings.generations, rules, bootstrap.PARTITIONS)

    def feed(self, payloads: Iterable[bytes]) -> None:
        """Put payloads into the log, as `ucid ingest` does."""
        send(bootstrap.producer(self.settings), WEB, payloads, keying(self.settings.generations))

    def feed_unkeyed(self, payloads: Iterable[bytes]) -> None:
        """Put payloads into the log, each wherever there is room."""
        send(bootstrap.producer(self.settings), WEB, payloads)

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic that is no part of the log."""
        admin = AdminClient({"bootstrap.servers": self.settings.kafka, "log_level": 0})
        admin.create_topics([NewTopic(topic, partitions)])[topic].result()

    def end(self) -> dict[bytes, int]:
        """The offset after the last message of each partition of the log."""
        with _reader(self.settings) as consumer:
            return log_end(consumer)

    @contextmanager
    def redis(self) -> Iterator[Redis]:
        """A client of the speed view's Redis."""
        with bootstrap.redis(self.settings) as client:
            yield client

    def forget(self) -> None:
        """Begin with an empty Redis; the log stays."""
        self._stack.stop("redis")
        shutil.rmtree(self._stack.home / "redis")
        self._stack.up()

    def pids(self) -> dict[str, int]:
        """The processes of the servers by name."""
        found = {service.name: service.pid for service in self._stack.status()}
        return {name: pid for name, pid in found.items() if pid is not None}

    def close(self) -> None:
        """End the servers and drop their data."""
        self._stack.down(wipe=True)


@contextmanager
def private_stack(progress: Callable[[str], None], rules: str | None = None) -> Iterator[PrivateStack]:
    """Servers for as long as the context lasts; the rules (YAML text) are the starter ones, or these."""
    with TemporaryDirectory(prefix="ucid-bench-") as home:
        progress(f"servers: a private Kafka and Redis in {home}")
        try:
            stack = PrivateStack(Path(home), rules or STARTER_RULES.read_text(encoding="utf-8"))
        except BaseException:
            Stack(Path(home) / "stack").down(wipe=True)
            raise
        try:
            yield stack
        finally:
            stack.close()


@contextmanager
def _reader(settings: Settings) -> Iterator[Consumer]:
    consumer = bootstrap.consumer(settings, "ucid-bench")
    try:
        yield consumer
    finally:
        consumer.close()
