"""A Redis of a test's own: on a unix socket, with nothing kept on disk."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from deploy.local.redis import find_redis


class RedisServer:
    """Use as a context manager; `stop` and `start` in between make it go away and come back empty."""

    def __init__(self):
        # Not in tmp_path: a socket's path must be short.
        self._directory = Path(tempfile.mkdtemp(prefix="ucid-"))
        self.socket = self._directory / "redis.sock"
        self._process = None
        self._clients = []

    @property
    def url(self):
        return f"unix://{self.socket}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        for client in self._clients:
            client.close()
        shutil.rmtree(self._directory)

    def client(self):
        """A client that reports at once that the server is away."""
        client = Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), retries=0))
        self._clients.append(client)
        return client

    def start(self):
        options = {"port": "0", "unixsocket": str(self.socket), "save": "", "appendonly": "no"}
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        self._process = subprocess.Popen(
            [find_redis(), *words], cwd=self._directory, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        client = self.client()
        deadline = time.monotonic() + 30
        while True:
            assert self._process.poll() is None, "redis-server ended"
            try:
                assert client.ping()
            except RedisError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.01)
            else:
                return

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None
