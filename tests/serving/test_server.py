"""The server as a process: over TLS, several workers, killed, renewed and ended."""

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from httpx import HTTPTransport, Limits

from deploy.awaiting import until
from deploy.local.ports import free_port
from serving_layer.access.audit import Seal
from serving_layer.access.keys import Key, KeyFile, Secret, digest, new_secret
from serving_layer.access.verify import entries, verify
from serving_layer.client import Client
from tests.graph.redis_server import RedisServer
from tests.operations.certificates import Authority
from tests.serving.client import asked
from tests.serving.world import TOM, World

ID_KEY = "3f0b6a91d27c48e5b1f09c3ad6e7825470ab93cc1de8f6425b9717e0348dacf2"
WORKERS = 2

pytestmark = pytest.mark.slow


class Server:
    """`ucid serve` on a world of its own."""

    def __init__(self, directory, redis):
        self.directory = directory
        self.redis = redis
        self.world = World(redis.client(), directory / "generations")
        self.world.publish()
        self.world.go_live()
        self.secret = new_secret()
        self._write_keys()
        authority = Authority(directory / "certificates")
        certificate, key = authority.issue("localhost", "DNS:localhost")
        self.port = free_port("127.0.0.1")
        given = {
            "HOME": directory / "home",
            "KAFKA": "127.0.0.1:9",
            "REDIS": redis.url,
            "GENERATIONS": self.world.root,
            "DELTA": directory,
            "ID_KEY": ID_KEY,
            "HTTP": self.port,
            "HTTP_CERT": certificate,
            "HTTP_KEY": key,
            "HTTP_WORKERS": WORKERS,
            "KEYS": directory / "keys.json",
            "AUDIT": directory / "audit",
            "AUDIT_ANCHORS": directory / "anchors",
            "HISTORY": directory / "history.db",
        }
        self._context = ssl.create_default_context(cafile=authority.ca)
        self.log = directory / "log"
        env = {**os.environ, **{f"UCID_{name}": str(value) for name, value in given.items()}}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "serve"], env=env, stdout=log, stderr=log
            )
        until(self.ready, "the server to be ready", deadline=60)

    def _write_keys(self):
        key = Key(
            id="k_1",
            name="test",
            tenant="default",
            scopes=("lookup", "read"),
            secrets=(Secret(sha256=digest(self.secret)),),
            rate=0,
            unknown=0,
            created=0,
        )
        import msgspec

        (self.directory / "keys.json").write_bytes(msgspec.json.encode(KeyFile(keys=(key,))))

    def ask(self, path, content=None, secret=None):
        """Status and body; 0 where nobody answers."""
        request = urllib.request.Request(f"https://localhost:{self.port}{path}")
        if content is not None:
            request.data = json.dumps(content).encode()
        if secret is not None:
            request.add_header("Authorization", f"Bearer {secret}")
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._context) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, ConnectionError):
            return 0, ""

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return self.ask("/readyz")[0] == 200

    def tom(self):
        status, body = self.ask("/v1/lookup", asked(("login", "tom")), self.secret)
        return json.loads(body)["results"][0]["customer_id"] if status == 200 else status

    def workers(self):
        """The processes that answer: beside them there is one that clears up after all."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if tasks.exists():
            pids = [int(pid) for pid in tasks.read_text().split()]
        else:
            found = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False
            )
            pids = [int(pid) for pid in found.stdout.split()]
        return [pid for pid in pids if b"spawn_main" in command(pid)]


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with RedisServer() as redis:
        server = Server(tmp_path_factory.mktemp("server"), redis)
        yield server
        server.process.kill()
        server.process.wait()


def test_it_answers_over_tls_and_only_so(running):
    assert running.tom().startswith("c_")
    assert running.ask("/v1/lookup", asked(("login", "tom")))[0] == 401
    with pytest.raises((URLError, ConnectionError, HTTPException)):
        urllib.request.urlopen(f"http://localhost:{running.port}/readyz", timeout=10)


def test_a_stream_is_answered(running):
    body = b"".join(
        json.dumps({"type": "login", "value": value}).encode() + b"\n" for value in ("tom", "no") * 3_000
    )
    request = urllib.request.Request(f"https://localhost:{running.port}/v1/lookup", body)
    request.add_header("Authorization", f"Bearer {running.secret}")
    request.add_header("Content-Type", "application/x-ndjson")
    with urllib.request.urlopen(request, timeout=30, context=running._context) as response:
        answers = [json.loads(line)["result"] for line in response]
    assert [answer and answer["customer_id"] for answer in answers] == [running.tom(), None] * 3_000


def test_metrics_are_those_of_all_workers(running):
    before = count(running)
    for _ in range(10):
        running.tom()
    until(lambda: count(running) == before + 10, "every worker's requests to be counted")


def count(running):
    name = 'ucid_serve_seconds_count{route="POST /v1/lookup",status="200"}'
    lines = running.ask("/metrics")[1].splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_a_worker_that_is_killed_is_replaced_and_answers_stay_right(running):
    before, victim = running.tom(), running.workers()[0]
    answers = set()
    transport = HTTPTransport(verify=running._context, limits=Limits(max_keepalive_connections=0))
    with Client(f"https://localhost:{running.port}", running.secret, transport=transport) as client:
        os.kill(victim, signal.SIGKILL)

        def replaced():
            answers.add(running.tom())
            assert client.lookup_one("login", "tom").customer_id == before  # who tries again notices nothing
            return victim not in running.workers() and len(running.workers()) >= WORKERS

        until(replaced, "another worker", deadline=30)
    assert answers <= {before, 0}
    until(lambda: running.tom() == before, "answers")


def test_redis_that_is_killed_and_comes_back_is_used_again(running):
    before = running.tom()
    running.redis._process.kill()
    running.redis._process.wait()
    assert running.tom() == before
    assert json.loads(running.ask("/readyz")[1])["stale"]
    running.redis.start()
    running.world.go_live()
    until(lambda: not json.loads(running.ask("/readyz")[1])["stale"], "the stream to be asked again")
    assert running.tom() == before


def test_a_hangup_renews_workers_while_answers_go_on(running):
    before, old = running.tom(), set(running.workers())
    running.process.send_signal(signal.SIGHUP)
    answers = set()

    def renewed():
        answers.add(running.tom())
        return not old.intersection(running.workers())

    until(renewed, "new workers", deadline=60)
    assert answers == {before}


def test_it_ends_when_asked_and_its_audit_log_is_whole(running):
    running.tom()
    running.process.terminate()
    assert running.process.wait(30) == 0
    verdict = verify(running.directory / "audit", running.directory / "anchors", Seal(ID_KEY.encode()))
    assert verdict.problems == []
    assert sum(1 for _, entry in entries(running.directory / "audit") if entry.act == "lookup") > 10
    log = running.log.read_text()
    assert not any(value in log for value in (*TOM.values(), running.secret))


def test_a_supervisor_that_is_killed_takes_its_workers_along(tmp_path):
    with RedisServer() as redis:
        server = Server(tmp_path, redis)
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        until(lambda: not any(map(command, workers)), "the workers to end", deadline=30)
        assert server.ask("/readyz")[0] == 0
