"""The app as a process, on servers of its own, and a receiver of webhooks that can be told to fail."""

import base64
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from confluent_kafka import TopicPartition

from deploy import bootstrap
from deploy.awaiting import until
from schemas import CHANGES, EMAIL, TOPICS, TRIGGERS, TRIGGERS_DUE, WEB, decode
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
    """`ucid triggers` as a process, and what it has told so far."""

    def __init__(self, system, file, log):
        self.system = system
        self.env = system.env | {"UCID_WEBHOOK_KEY": f"whsec_{base64.b64encode(KEY).decode()}"}
        self.file = file
        self.path = log
        self.process = None

    def start(self):
        with self.path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "triggers", self.file], env=self.env, stdout=log, stderr=log
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ask it to end; returns its code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def log(self):
        return self.path.read_text()

    def told(self, name=None):
        """What the topic of triggers holds at this moment, repetitions and all; of one name, or of all."""
        told = [record for record, _ in read(self.system.settings, TRIGGERS)]
        return [record for record in told if name in {None, record.trigger}]

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
        topics = [WEB, EMAIL, CHANGES, TRIGGERS_DUE, f"{group('default')}-steps"]
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


def read(settings, topic):
    """Records of a topic that is ours, with their messages."""
    consumer = bootstrap.consumer(settings, "test-reader")
    try:
        for partition in range(TOPICS[topic].partitions):
            at = TopicPartition(topic, partition)
            at.offset, end = consumer.get_watermark_offsets(at, timeout=10)
            consumer.assign([at])
            while at.offset < end:
                message = consumer.poll(10)
                assert message is not None
                assert message.error() is None
                at.offset = message.offset() + 1
                yield decode(topic, message.value(), 0), message
    finally:
        consumer.close()
