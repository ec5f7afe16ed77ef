"""The HTTP face of webhooks.

POST /v1/webhooks/{endpoint}    a call of the service that the endpoint is for
GET  /healthz                   200 while we can answer at all
GET  /metrics                   for Prometheus

200: Kafka has what the call brought. 403: it is not believed; 413: it is too large. 503: try again.
Only the first is for the world: let a proxy pass on nothing else.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import KafkaException
from prometheus_client.exposition import choose_encoder
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas import Unavailable
from speed_layer.webhooks.endpoints import Endpoints
from speed_layer.webhooks.errors import Refused, TooMuch
from speed_layer.webhooks.metrics import Metrics
from speed_layer.webhooks.receiver import Receiver
from speed_layer.webhooks.service import Call

log = logging.getLogger(__name__)

# Bytes of a call: Mandrill's of 1,000 events are the largest that we know of.
MOST_BYTES = 4 << 20


def application(
    endpoints: Endpoints, receiver: Receiver, metrics: Metrics, clock: Callable[[], int] = time.time_ns
) -> Starlette:
    """The ASGI application; `clock` tells nanoseconds since the epoch."""

    async def call(request: Request) -> Response:
        endpoint = endpoints.get(request.path_params["endpoint"])
        if endpoint is None:
            return _json({"error": "there is no such endpoint"}, 404)
        if request.method == "HEAD":
            return Response()  # how Mandrill looks whether somebody is there
        try:
            came = Call(request.headers, await _body(request), clock() // 1_000)
            taken = await run_in_threadpool(receiver.take, endpoint, came)
        except Refused as error:
            log.info("%s: a call was refused: %s", endpoint.name, error)
            metrics.called(endpoint.name, error.result)
            return _json({"error": str(error)}, error.status)
        except (KafkaException, RedisError, Unavailable) as error:
            log.warning("%s: a call is to come again: %s", endpoint.name, error)
            metrics.called(endpoint.name, "unavailable")
            return _json({"error": "what this rests on cannot be reached now: try again"}, 503)
        metrics.taken(endpoint.name, taken)
        return _json(
            {
                "events": len(taken.events),
                "ignored": taken.ignored,
                "dead_letters": len(taken.letters),
                "repeated": taken.repeated,
            }
        )

    async def health(_: Request) -> Response:
        return _json({"endpoints": len(endpoints)})

    async def scrape(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), media_type=kind)

    return Starlette(
        routes=[
            Route("/v1/webhooks/{endpoint}", call, methods=["POST", "HEAD"]),
            Route("/healthz", health),
            Route("/metrics", scrape),
        ]
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooMuch(f"the body is larger than {MOST_BYTES} bytes: send several calls")
    return bytes(body)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
