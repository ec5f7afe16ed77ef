"""The HTTP face. Identifiers are personal data: they travel in bodies, never in a URL.

POST /v1/lookup            {"identifiers": [{"type": "email", "value": "ann@example.com"}]}
GET  /v1/customers/{id}    by its id, or one that it had before a merge
GET  /healthz              what answers rest on at this moment
"""

from typing import Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from identity import UnknownTypeError
from schemas import Unavailable
from schemas.generation import BrokenGeneration
from serving_layer.answers import answer_json, customer_json, freshness_json
from serving_layer.view import ServingView

# Identifiers in one question, and the bytes that they may take.
MOST = 1_000
MOST_BYTES = 1 << 20


class _Identifier(msgspec.Struct, frozen=True):
    type: str
    value: str


class _Lookup(msgspec.Struct, frozen=True):
    identifiers: Annotated[list[_Identifier], msgspec.Meta(max_length=MOST)]


class _Refused(Exception):
    """What the caller is to change, and the status to say it with."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


def application(view: ServingView) -> Starlette:
    """The ASGI application that answers from a view."""

    async def lookup(request: Request) -> Response:
        try:
            question = msgspec.json.decode(await _body(request), type=_Lookup)
        except msgspec.DecodeError as error:
            raise _Refused(400, f"the body is no lookup: {error}") from None
        except UnicodeDecodeError:
            raise _Refused(400, "the body is not UTF-8") from None
        except RecursionError:
            raise _Refused(400, "the body is nested too deeply") from None
        pairs = [(identifier.type, identifier.value) for identifier in question.identifiers]
        try:
            answer = await run_in_threadpool(view.lookup, pairs)
        except UnknownTypeError as error:
            raise _Refused(400, str(error)) from None
        return _json(answer_json(answer))

    async def customer(request: Request) -> Response:
        found, freshness = await run_in_threadpool(view.customer, request.path_params["customer_id"])
        if found is None and freshness.stale:
            raise _Refused(503, "only the stream may know this id, and it cannot be asked now: try again")
        if found is None:
            raise _Refused(404, "no customer has or had this id")
        return _json(customer_json(found, freshness))

    async def health(request: Request) -> Response:
        del request
        return _json(freshness_json(await run_in_threadpool(view.freshness)))

    return Starlette(
        routes=[
            Route("/v1/lookup", lookup, methods=["POST"]),
            Route("/v1/customers/{customer_id}", customer),
            Route("/healthz", health),
        ],
        exception_handlers={_Refused: _refuse, BrokenGeneration: _unavailable, Unavailable: _unavailable},
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _Refused(413, f"the body is larger than {MOST_BYTES} bytes: ask in several requests")
    return body


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refused), "that is what it is registered for"
    return _json({"error": str(error)}, error.status)


async def _unavailable(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 503)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
