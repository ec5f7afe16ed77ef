"""GET /healthz, /readyz, /metrics: how the server does. Open to all, and about nobody."""

from serving_layer.answers import freshness_json
from serving_layer.desk import Desk
from serving_layer.metrics import Metrics
from serving_layer.web.message import Request, Response, json


class Operations:
    """The routes' handlers."""

    def __init__(self, desk: Desk, metrics: Metrics) -> None:
        self._desk = desk
        self._metrics = metrics

    async def alive(self, _: Request) -> Response:
        """200 while the process answers at all."""
        return json({"alive": True})

    async def ready(self, _: Request) -> Response:
        """200 where there is a generation to answer from, and what answers rest on; else 503."""
        return json(freshness_json(await self._desk.freshness()))

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        kind, page = self._metrics.page(request.headers.get("accept", ""))
        return Response(page, kind=kind)
