"""The app as a process, on servers of its own, and a receiver of webhooks that can be told to fail."""

import base64
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaException, TopicPartition

from deploy import bootstrap
from deploy.awaiting import until
from schemas import CHANGES, CONSENTS, EMAIL, TOPICS, TRIGGERS, TRIGGERS_DUE, WEB, decode
from speed_layer.triggers.app import PARTITIONS, group
from tests.integration.conftest import in_docker, servers, system

__all__ = ["in_docker", "servers", "system"]

KEY = b"k" * 32


class Post(NamedTuple):
    """What came, and what it was answered."""

    status: int
    path: str
    headers: dict
    body: bytes


class Receiver:
    """Answers a path with the next of its `statuses`, then 200, and keeps what it was sent."""

    def __init__(self):
        self.statuses = {}
        self.posts = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                waiting = receiver.statuses.get(self.path)
                status = waiting.pop(0) if waiting else 200
                receiver.posts.append(Post(status, self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def posts_to(self, path):
        return [post for post in self.posts if post.path == path]

    def taken(self, path):
        return [post for post in self.posts_to(path) if post.status == 200]


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


class Running:
    """`ucid triggers` as processes, and what they have told so far."""

    def __init__(self, system, file, log):
        self.system = system
        self.env = system.env | {"UCID_WEBHOOK_KEY": f"whsec_{base64.b64encode(KEY).decode()}"}
        self.file = file
        self.path = log
        self.processes = []
        self._reader = Reader(system.settings, TRIGGERS)

    def close(self):
        while self.processes:
            self.kill()
        self._reader.close()

    def start(self):
        with self.path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "triggers", self.file], env=self.env, stdout=log, stderr=log
            )
        self.processes.append(process)

    def kill(self):
        """Kill -9 the oldest."""
        process = self.processes.pop(0)
        process.kill()
        process.wait()

    def end(self):
        """Ask the oldest to end; returns its code."""
        process = self.processes.pop(0)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    @property
    def log(self):
        return self.path.read_text()

    def told(self, name=None):
        """What the topic of triggers holds at this moment, repetitions and all; of one name, or of all."""
        return [record for record in self._reader.all() if name in {None, record.trigger}]

    def await_told(self, name, event_ids):
        """Wait until these events, at least, have led to a trigger; returns all there is of it."""
        wanted = set(event_ids)
        until(
            lambda: wanted <= {record.cause.event_id for record in self.told(name)},
            f"{name} to be told; see {self.path}",
        )
        return self.told(name)

    def await_all_committed(self):
        """Wait until nothing is left that the app would do again if it were killed now."""
        consumer = bootstrap.consumer(self.system.settings, group("default"))
        topics = [WEB, EMAIL, CHANGES, CONSENTS, TRIGGERS_DUE, f"{group('default')}-steps"]
        at = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in range(TOPICS[topic].partitions if topic in TOPICS else PARTITIONS)
        ]

        def level():
            ends = [consumer.get_watermark_offsets(one, timeout=10)[1] for one in at]
            return all(
                max(one.offset, 0) == end for one, end in zip(consumer.committed(at), ends, strict=True)
            )

        try:
            until(level, "the app to commit all")
        finally:
            consumer.close()


class Reader:
    """Follows a topic of ours from its beginning, and keeps its records."""

    def __init__(self, settings, topic):
        self._consumer = bootstrap.consumer(settings, "test-reader")
        self._topic = topic
        self._at = [TopicPartition(topic, n, 0) for n in range(TOPICS[topic].partitions)]
        self._consumer.assign(self._at)
        self._records = []

    def all(self):
        """All records at this moment; those that we know where the broker has only just made the topic."""
        try:
            ends = [self._consumer.get_watermark_offsets(one, timeout=10)[1] for one in self._at]
        except KafkaException:
            return list(self._records)
        while sum(ends) > len(self._records):
            for message in self._consumer.consume(1_000, 0.1):
                assert message.error() is None
                self._records.append(decode(self._topic, message.value(), 0))
        return list(self._records)

    def close(self):
        self._consumer.close()
