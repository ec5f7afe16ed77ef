"""POST /v1/erasures: have a person forgotten; and the receipt, which says how far that has come."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from schemas import Erasure
from schemas.ledger import asked_for
from serving_layer import questions
from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.access.principal import Principal
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.web.body import decoded
from serving_layer.web.message import Request, Response, json


class Erasing(Protocol):
    """What a server needs of the log and of the stores."""

    async def send(self, messages: list[Erasure]) -> None:
        """Put erasures into the log. Raises Unavailable."""

    async def receipt(self, tenant: str, receipt_id: str) -> list[dict[str, Any]] | None:
        """A line for each store; None where there is no such receipt. Raises Unavailable."""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget: the customer behind an identifier, or with `only` this identifier alone."""

    type: str
    value: str
    only: bool = False


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which erasure."""

    receipt: str


_wish = msgspec.json.Decoder(Wish)
_receipt = msgspec.json.Decoder(Receipt)


class Erasures:
    """The routes' handlers."""

    def __init__(self, desk: Desk, erasing: Erasing, clock: Callable[[], int] = time.time_ns) -> None:
        self._desk = desk
        self._erasing = erasing
        self._clock = clock

    async def erase(self, request: Request) -> Response:
        """202 and the receipt's id. Of an identifier that nobody knows it says the same, and erases it."""
        spend(request.who, 1)
        wish = decoded(_wish, await request.body(), "erasure")
        receipt = await self.forget(request.who, wish.type, wish.value, only=wish.only)
        return json({"receipt": receipt}, 202)

    async def forget(
        self, who: Principal, type_: str, value: str, *, only: bool, receipt: str | None = None
    ) -> str:
        """Have somebody forgotten as `Wish` says; the receipt's id. Raises Refused (400), and Unavailable."""
        standing = self._desk.shared.generations.current
        question = questions.lookup(standing, who.tenant, [(type_, value)])
        (outcome,) = (await self._desk.ask(question, who.tenant)).found
        whom = outcome.person(only=only)
        receipt, messages = asked_for(who.tenant, whom, who.name, self._clock() // 1_000, receipt)
        seal = self._desk.audit.seal
        about = [seal.of(who.tenant, x) for x in whom]
        entry = Entry(who=who.id, tenant=who.tenant, act="erase", about=about, detail={"receipt": receipt})
        self._desk.audit.note_now(entry)
        await self._erasing.send(messages)
        return receipt

    async def receipt(self, request: Request) -> Response:
        """Every store: done, or what it waits for."""
        spend(request.who, 1)
        asked = decoded(_receipt, await request.body(), "receipt")
        stores = await self._erasing.receipt(request.who.tenant, asked.receipt)
        if stores is None:
            raise Refused(404, "there is no erasure with this receipt", "body")
        return json({"receipt": asked.receipt, "stores": stores})
