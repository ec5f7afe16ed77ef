"""POST /v1/explain: why two identifiers are one customer, or why not."""

import asyncio
from typing import Any

import msgspec

from serving_layer.answers import explanation_json
from serving_layer.desk import Desk
from serving_layer.history import History
from serving_layer.web.body import decoded
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json


class Both(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two identifiers, as they were met."""

    a: Question
    b: Question


_both = msgspec.json.Decoder(Both)


class Explanations:
    """The routes' handlers."""

    def __init__(self, desk: Desk, history: History) -> None:
        self._desk = desk
        self._history = history

    async def explain(self, request: Request) -> Response:
        """Path, refused links, decisions, and the change that brought the two together."""
        both = decoded(_both, await request.body(), "question")
        who = request.who
        a, b = ((x.type, x.value) for x in (both.a, both.b))
        found = await self._desk.explain(who, a, b)
        told: dict[str, Any] = await asyncio.to_thread(explanation_json, found, who.tenant, self._history)
        return json(told)
