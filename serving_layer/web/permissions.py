"""POST /v1/permissions/check and /history: what customers permit. Identifiers travel in bodies."""

from typing import Annotated, Any

import msgspec

from identity.consent import permission
from serving_layer.answers import freshness_json, permitted_json, stated_json
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.reading import MOST
from serving_layer.web.body import decoded
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json

_Purpose = Annotated[str, msgspec.Meta(pattern=r"\S")]


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One permission, and of whom: a list of identifiers or of customer ids."""

    purpose: _Purpose
    channel: str = ""
    brand: str = ""
    locale: str = ""
    identifiers: Annotated[list[Question], msgspec.Meta(max_length=MOST)] = []
    customers: Annotated[list[str], msgspec.Meta(max_length=MOST)] = []


class Whose(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One customer, by an identifier or an id."""

    identifier: Question | None = None
    customer: str | None = None


_check = msgspec.json.Decoder(Check)
_whose = msgspec.json.Decoder(Whose)


class Permissions:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def check(self, request: Request) -> Response:
        """Whether each of them permits it, in their order."""
        asked = decoded(_check, await request.body(), "check of permissions")
        if asked.identifiers and asked.customers:
            raise Refused(400, "ask of identifiers or of customers, in two requests", "body")
        found, freshness = await self._desk.permitted(
            request.who,
            permission(asked.purpose, asked.channel, asked.brand, asked.locale),
            identifiers=[(x.type, x.value) for x in asked.identifiers],
            customers=asked.customers,
        )
        return json({"results": [permitted_json(one) for one in found], **freshness_json(freshness)})

    async def history(self, request: Request) -> Response:
        """What one customer stated, oldest first. Refused (404) where nobody is found."""
        asked = decoded(_whose, await request.body(), "question of whose statements")
        whose: Any = asked.customer
        if asked.identifier is not None:
            whose = (asked.identifier.type, asked.identifier.value)
        if whose is None or (asked.identifier is not None and asked.customer is not None):
            raise Refused(400, "name one identifier or one customer", "body")
        told = await self._desk.statements(request.who, whose)
        if told.customer_id is None:
            raise Refused(404, "no customer is or was known by this", "unknown")
        return json(
            {
                "customer_id": told.customer_id,
                "statements": [stated_json(x, *said) for x, said in told.said],
                **freshness_json(told.freshness),
            }
        )
