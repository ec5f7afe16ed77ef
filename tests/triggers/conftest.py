"""The app as a process, on servers of its own, and a receiver of webhooks that can be told to fail."""

import base64
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from confluent_kafka import TopicPartition

from deploy import bootstrap
from deploy.awaiting import until
from schemas import TOPICS, TRIGGERS, decode
from tests.integration.conftest import in_docker, servers, system

__all__ = ["in_docker", "servers", "system"]

KEY = b"k" * 32


class Receiver:
    """Answers with the next of `statuses`, 200 when there are no more, and keeps what it was sent."""

    def __init__(self):
        self.statuses = []
        self.posts = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.posts.append((status, self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def taken(self):
        return [post for post in self.posts if post[0] == 200]


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

    def read(self, topic, partitions=None):
        """All records of a topic at this moment."""
        return [record for record, _ in read(self.system.settings, topic)]

    def told(self, name):
        return [record for record in self.read(TRIGGERS) if record.trigger == name]

    def await_told(self, name, count=1):
        until(
            lambda: len({t.trigger_id for t in self.told(name)}) >= count,
            f"{count} {name}\n{self.log[-3000:]}",
        )
        return self.told(name)


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
