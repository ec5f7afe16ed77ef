"""Homes that are torn down whatever happens, and a package repository that can misbehave."""

import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import Stack
from deploy.local.ivy import Bundle


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "home")
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def python_env() -> dict[str, str]:
    """Lets another Python import what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


class Repository:
    """Serves one made-up module; can stop in the middle of its jar, or break off there."""

    bundle = Bundle("Thing", ("org.example:thing:1.0",))

    def __init__(self) -> None:
        self.jar = os.urandom(200_000)
        self.jars_served = 0
        self.break_off = False
        self.go = threading.Event()
        self.half_sent = threading.Event()
        self.go.set()

    def serve(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        if handler.path.endswith("thing-1.0.pom"):
            content = b"<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>"
            content += b"<artifactId>thing</artifactId><version>1.0</version></project>"
        elif handler.path.endswith("thing-1.0.jar"):
            content = self.jar
        else:
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if not body:
            return
        if content is self.jar:
            self.jars_served += 1
            handler.wfile.write(content[: len(content) // 2])
            self.half_sent.set()
            self.go.wait(30)
            content = b"" if self.break_off else content[len(content) // 2 :]
        handler.wfile.write(content)


class Handler(BaseHTTPRequestHandler):
    def __init__(self, repository: Repository, *args) -> None:
        self.repository = repository
        super().__init__(*args)

    def do_GET(self) -> None:
        try:
            self.repository.serve(self, body=True)
        except ConnectionError:
            self.close_connection = True  # whoever asked was killed

    def do_HEAD(self) -> None:
        self.repository.serve(self, body=False)

    def log_message(self, *_) -> None:
        pass


def ivy_settings(path: Path, url: str) -> Path:
    path.write_text(
        '<ivysettings><settings defaultResolver="test"/><resolvers>'
        f'<ibiblio name="test" m2compatible="true" root="{url}"/></resolvers></ivysettings>'
    )
    return path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, repository)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setenv("UCID_IVY_SETTINGS", str(ivy_settings(tmp_path / "ivy.xml", url)))
        yield repository
        repository.go.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ivy can reach nothing: port 9 discards, and nobody listens there."""
    settings = ivy_settings(tmp_path / "unreachable.xml", "http://127.0.0.1:9/")
    monkeypatch.setenv("UCID_IVY_SETTINGS", str(settings))
