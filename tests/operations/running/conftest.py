"""Workers as processes, watched over their endpoint."""

import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError, URLError

import pytest

from deploy.awaiting import until
from deploy.local.ports import free_port
from tests.integration.conftest import in_docker, servers, system

__all__ = ["in_docker", "servers", "system"]


class Watched:
    """One worker with its log and its endpoint."""

    def __init__(self, env, log, port):
        self.port = port
        self._log = log
        told = {"UCID_SPEED_HTTP": str(self.port), "UCID_LOG": "json", "UCID_LOG_LEVEL": "debug"}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "speed"], env=told | env, stdout=file, stderr=file
            )

    @property
    def log(self):
        return self._log.read_text()

    def get(self, path):
        """Status and body; 0 where nobody listens yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except URLError:
            return 0, ""

    def await_ready(self):
        until(lambda: self.get("/readyz")[0] == 200, "the worker to be ready", deadline=60)

    def metric(self, name):
        """The sum of a metric's samples."""
        lines = [line.rsplit(" ", 1) for line in self.get("/metrics")[1].splitlines()]
        return sum(float(value) for key, value in lines if key.split("{")[0] == name)

    def ask_to_stop(self, times=1):
        for _ in range(times):
            self.process.send_signal(signal.SIGTERM)

    def ended(self):
        return self.process.wait(30)


@pytest.fixture
def watched(system, tmp_path):
    """Starts a worker; `more` is added to its environment."""
    started = []

    def start(port=None, **more):
        log = tmp_path / f"worker-{len(started)}.log"
        started.append(Watched({**system.env, **more}, log, port or free_port("127.0.0.1")))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()
