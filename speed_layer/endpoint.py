"""A worker's health and metrics over HTTP, from a thread that the work does not wait for.

GET /metrics     for Prometheus
GET /healthz     200 while the loop turns, else 503: restart it
GET /readyz      200 while it does its share, else 503 and why: look at Kafka and Redis
"""

import logging
import socket
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from speed_layer.health import Health

log = logging.getLogger(__name__)


class Endpoint:
    """Use as a context manager. Raises OSError where the address is taken or not ours."""

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, health: Health) -> None:
        self._server = _Server(address, partial(_Handler, registry, health))

    @property
    def port(self) -> int:
        """Where it listens; another than was asked for where that was 0."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, name="endpoint", daemon=True).start()
        log.info("health and metrics on port %d", self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # who reads slowly does not keep us from ending

    def __init__(self, address: tuple[str, int], handler: Any) -> None:  # noqa: ANN401 - socketserver's
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Note a scrape that broke off; no traceback to standard error, and nothing ends."""
        del request, client_address
        log.debug("a request to the endpoint broke off")


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # seconds for a client to say what it wants
    server_version = "ucid"
    sys_version = ""

    def __init__(self, registry: CollectorRegistry, health: Health, *args: Any) -> None:  # noqa: ANN401
        self._registry = registry
        self._health = health
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer one of the three questions."""
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, kind, encode(self._registry))
            case "/healthz":
                self._report(lambda report: report.alive)
            case "/readyz":
                self._report(lambda report: report.ready)
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"ask /metrics, /healthz or /readyz\n")

    def _report(self, good: Any) -> None:  # noqa: ANN401
        report = self._health.report()
        status = HTTPStatus.OK if good(report) else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", msgspec.json.encode(report) + b"\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Say nothing: a probe every few seconds is no news."""
