"""The application: finds the route, lets pass who may, answers, and turns errors into answers."""

import logging
import time
from contextlib import aclosing
from typing import NamedTuple

from identity import UnknownTypeError
from schemas.errors import SchemaError
from serving_layer.access.gate import Gate, key_in
from serving_layer.errors import Refused
from serving_layer.metrics import Metrics
from serving_layer.web.message import NDJSON, Headers, Peer, Request, Response, Stream, json
from serving_layer.web.route import Route, Table, Told

log = logging.getLogger(__name__)


class Ticket(NamedTuple):
    """What the head of a request says that may be answered at once.

    `key` is the hash of its key's secret, `length` its body's, in bytes.
    """

    route: Route
    key: str
    length: int


class Application:
    """Answers requests of one process."""

    def __init__(self, table: Table, gate: Gate, metrics: Metrics) -> None:
        self.table = table
        self._gate = gate
        self._metrics = metrics

    def ticket(self, method: str, path: str, headers: Headers) -> Ticket | None:
        """What to show at `at_once` for requests with such a head; None where that answers none."""
        found = self.table.find(method, path)
        length, key = headers.get("content-length"), key_in(headers.get("authorization", ""))
        if found is None or found[0].at_once is None or key is None:
            return None
        is_stream = headers.get("content-type", "").startswith(NDJSON)
        if is_stream or length is None or int(length) > found[0].most:
            return None
        return Ticket(found[0], key, int(length))

    def at_once(self, ticket: Ticket, body: bytes, told: Told) -> None:
        """Have `told` called once, with the body of an answer, without a task; the route measures it.

        With None where the request is to be made in the usual way.
        """
        start = time.perf_counter()
        route = ticket.route
        assert route.at_once is not None, "such routes have tickets"
        assert route.scope is not None, "and ask who it is"
        principal = self._gate.holder(ticket.key, route.scope)
        if principal is None:
            told(None)
            return
        route.at_once(principal, body, start, told)

    async def __call__(self, peer: Peer) -> None:
        """One request."""
        start = time.perf_counter()
        response: Response | Stream
        found = self.table.find(peer.method, peer.path)
        if found is None:
            name, response = "none", self._unknown(peer.path)
        else:
            route, params = found
            name = route.name
            try:
                headers = peer.headers
                principal = None
                if route.scope is not None:
                    principal = await self._gate.pass_(headers.get("authorization"), route.scope)
                request = Request(headers, params, peer.query, principal, peer, route.most)
                response = await route.handle(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, there must be an answer
                response = self._failed(error)
        if isinstance(response, Stream):
            try:
                await self._send(response, peer)
            except Exception as error:  # noqa: BLE001 - the answer has begun: all that is left is to note it
                log.warning("a stream broke off: %s", error)
        else:
            await peer.respond(response.status, response.headers, response.body)
        self._metrics.answered(name, response.status, time.perf_counter() - start)

    def _unknown(self, path: str) -> Response:
        methods = self.table.methods(path)
        if methods:
            allow = {"allow": ", ".join(methods)}
            return json({"error": f"this path answers {allow['allow']} only"}, 405, allow)
        return json({"error": "there is no such path"}, 404)

    def _failed(self, error: Exception) -> Response:
        if isinstance(error, UnknownTypeError):
            error = Refused(400, str(error), "body")
        if isinstance(error, Refused):
            self._metrics.refused(error.reason)
            return json({"error": str(error)}, error.status, error.headers)
        if isinstance(error, SchemaError):
            return json({"error": str(error)}, 503)
        log.error("a request failed", exc_info=error)
        return json({"error": "this should not happen, and is in the server's log"}, 500)

    async def _send(self, stream: Stream, peer: Peer) -> None:
        await peer.begin(stream.status, stream.headers)
        async with aclosing(stream.parts) as parts:
            async for part in parts:
                await peer.send(part)
        await peer.end()
