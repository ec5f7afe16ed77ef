"""A peer: Starlette on uvicorn that answers with one GET from Redis, and does nothing else."""

import os

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_redis = Redis.from_url(os.environ["UCID_REDIS"])


async def _get(request: Request) -> Response:
    found = await _redis.get("peer:" + request.path_params["key"])
    return Response(found or b"null", media_type="application/json")


app = Starlette(routes=[Route("/{key}", _get)])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="error", access_log=False)
