"""GET /v1/customers/{customer_id}, and its history: by its id, or one that it had before a merge."""

import asyncio

from serving_layer.answers import change_json, customer_json, freshness_json
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.history import History
from serving_layer.web.message import Request, Response, json


class Customers:
    """The routes' handlers."""

    def __init__(self, desk: Desk, history: History) -> None:
        self._desk = desk
        self._history = history

    async def customer(self, request: Request) -> Response:
        """One customer. Refused (404) is the answer for an id of another tenant, too."""
        asked = request.params["customer_id"]
        found, freshness = await self._desk.customer(request.who, asked)
        if found is None and freshness.stale:
            raise Refused(503, "only the stream may know this id, and it cannot be asked now", "stale")
        if found is None:
            raise Refused(404, "no customer has or had this id", "unknown")
        known = await self._desk.known(request.who, found)
        return json(customer_json(found, asked, known, freshness))

    async def history(self, request: Request) -> Response:
        """What happened to a customer, oldest first; as unknown (404) as the customer itself."""
        asked = request.params["customer_id"]
        found, freshness = await self._desk.customer(request.who, asked)
        if found is None or found.customer is None:
            raise Refused(404, "no customer has or had this id", "unknown")
        customer_id = found.customer[0]
        changes = await asyncio.to_thread(self._history.of, request.who.tenant, customer_id)
        return json(
            {
                "customer_id": customer_id,
                "asked": asked,
                "moved": asked != customer_id,
                "changes": [change_json(change) for change in changes],
                **freshness_json(freshness),
            }
        )
