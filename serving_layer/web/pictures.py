"""GET /v1/customers/{customer_id}/graph: identifiers and links, to draw."""

from serving_layer.answers import picture_json
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.web.message import Request, Response, json


class Pictures:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def graph(self, request: Request) -> Response:
        """The graph of one customer; as unknown (404) as the customer itself."""
        asked = request.params["customer_id"]
        found, freshness = await self._desk.picture(request.who, asked)
        if found is None:
            raise Refused(404, "no customer has or had this id", "unknown")
        return json(picture_json(found, asked, freshness))
