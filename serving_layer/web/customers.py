"""GET /v1/customers/{customer_id}: by its id, or one that it had before a merge."""

from serving_layer.answers import customer_json
from serving_layer.desk import Desk
from serving_layer.web.message import Request, Response, json
from serving_layer.web.refused import Refused


class Customers:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def customer(self, request: Request) -> Response:
        """One customer. Refused (404) is the answer for an id of another tenant, too."""
        asked = request.params["customer_id"]
        found, freshness = await self._desk.customer(request.who, asked)
        if found is None and freshness.stale:
            raise Refused(503, "only the stream may know this id, and it cannot be asked now", "stale")
        if found is None:
            raise Refused(404, "no customer has or had this id", "unknown")
        return json(customer_json(found, asked, freshness))
