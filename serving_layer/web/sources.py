"""POST /v1/source: the message of the log that first showed a link, by when it was taken in."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final

import msgspec

from identity import Identifier, Observer
from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.desk import Desk
from serving_layer.history import Origin
from serving_layer.web.body import decoded
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json

# What a search costs of a key's rate, in identifiers: it reads the log.
COST: Final = 50

Find = Callable[[str, Identifier, Identifier, int, Observer], Awaitable[Origin | None]]
"""The message of a tenant that shows two identifiers and was taken in at that microsecond."""


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two identifiers, and the `first_ingested` of their link."""

    a: Question
    b: Question
    at: Annotated[datetime, msgspec.Meta(tz=True)]


_sighting = msgspec.json.Decoder(Sighting)


class Sources:
    """The routes' handlers."""

    def __init__(self, desk: Desk, find: Find) -> None:
        self._desk = desk
        self._find = find

    async def source(self, request: Request) -> Response:
        """The message; null where the log has it no more, or it came by a slow source."""
        asked = decoded(_sighting, await request.body(), "question")
        who = request.who
        spend(who, COST)
        observer = self._desk.shared.generations.current.observer
        a, b = (observer.identify(x.type, x.value)[0] for x in (asked.a, asked.b))
        seal = self._desk.audit.seal
        about = [seal.of(who.tenant, x) for x in (a, b)]
        self._desk.audit.note(Entry(who=who.id, tenant=who.tenant, act="source", about=about, asked=2))
        found = await self._find(who.tenant, a, b, round(asked.at.timestamp() * 1_000_000), observer)
        return json({"message": found and msgspec.to_builtins(found)})
