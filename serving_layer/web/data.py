"""GET /v1/customers, /v1/identifiers and /v1/changes: all that there is, streamed, or page by page.

With `limit` an answer is a page of at most so many rows; its end, and where it can be, its header fields, say
whether there is more, and name the cursor to go on with. Without, it is everything, and sent as it is read.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Final

import msgspec

from schemas.errors import SchemaError
from schemas.events import ChangeKind
from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.access.principal import Principal
from serving_layer.answers import freshness_json
from serving_layer.data.changes import Changed, Changes
from serving_layer.data.formats import FORMATS, Format
from serving_layer.data.places import LONGEST, Cursors, Logged, NoCursor, Place
from serving_layer.data.steps import Source
from serving_layer.data.tables import CHANGES, CUSTOMERS, IDENTIFIERS, Table
from serving_layer.data.walk import TOGETHER, Walk, customer_rows, identifier_rows
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.history import History
from serving_layer.reading import Freshness
from serving_layer.web.accept import chosen
from serving_layer.web.message import Request, Stream
from serving_layer.web.query import queried

# Rows of a page.
MOST_ROWS: Final = 10_000

# Steps of a page, each of some hundred records at most: where a filter lets few pass, a page may be short.
MOST_STEPS: Final = 500

# Bytes of an answer that wait in memory until it is whole; more of them wait in a file without a name.
IN_MEMORY: Final = 1 << 20

# Bytes of such a file that are sent at a time.
PART: Final = 1 << 16

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS, description="rows of a page; without it, all")]
Cursor = Annotated[
    str, msgspec.Meta(max_length=LONGEST, pattern="^[A-Za-z0-9_-]*$", description="`next` of the page before")
]
Moment = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339, with a time zone")]

_PAGING: Final = frozenset({"limit", "cursor"})
_KINDS: Final = frozenset(ChangeKind.__args__)  # type: ignore[attr-defined]


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of it, and from where on."""

    limit: Limit | None = None
    cursor: Cursor | None = None


class OfCustomers(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which customers: those that have an identifier of a type, and that changed since a moment."""

    type: str | None = None
    since: Moment | None = None


class OfIdentifiers(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which identifiers: those of a type."""

    type: str | None = None


class OfChanges(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes: those of a kind, and since a moment."""

    kind: ChangeKind | None = None
    since: Moment | None = None


class Data:
    """The routes' handlers."""

    def __init__(self, desk: Desk, history: History) -> None:
        self._desk = desk
        self._history = history
        self._cursors = Cursors(desk.audit.seal.subkey("cursors"))

    async def customers(self, request: Request) -> Stream:
        """Every customer, or those with an identifier of a type, or that changed since a moment."""
        asked, who = queried(request.query, OfCustomers), request.who
        self._check_type(asked.type)
        source: Source
        if asked.since is None:
            source = Walk(self._desk.shared, who.tenant, customer_rows(asked.type))
        else:
            source = Changed(self._desk, self._history, who.tenant, _micros(asked.since), asked.type)
        return await self._answer(request, asked, CUSTOMERS, source)

    async def identifiers(self, request: Request) -> Stream:
        """Every identifier that belongs to a customer, or those of a type."""
        asked = queried(request.query, OfIdentifiers)
        self._check_type(asked.type)
        source = Walk(self._desk.shared, request.who.tenant, identifier_rows(asked.type))
        return await self._answer(request, asked, IDENTIFIERS, source)

    async def changes(self, request: Request) -> Stream:
        """What happened to customers, in the order of the log: all, of a kind, or since a moment.

        The last page has a cursor, too: changes that come later go on from there.
        """
        asked = queried(request.query, OfChanges)
        since = None if asked.since is None else _micros(asked.since)
        kinds = _KINDS if asked.kind is None else {asked.kind}
        source = Changes(self._history, request.who.tenant, since, kinds)
        return await self._answer(request, asked, CHANGES, source)

    async def _answer(self, request: Request, asked: Paging, table: Table, source: Source) -> Stream:
        who = request.who
        kind = chosen(request.headers.get("accept"), tuple(FORMATS))
        filters = _filters(asked)
        question = msgspec.json.encode([who.tenant, table.name, filters])
        place = None if asked.cursor is None else self._place(asked.cursor, question)
        spend(who, 1)
        if place is None:
            place = await source.begin()
        detail = {"what": table.name, "format": kind, **filters}
        self._desk.audit.note_now(Entry(who=who.id, tenant=who.tenant, act="export", detail=detail))
        form = await asyncio.to_thread(FORMATS[kind], table)
        writing = _Writing(self._cursors, question, source, who, form, asked.limit)
        headers = {"vary": "accept"}
        if asked.limit is None and writing.format.tells_its_end:
            return Stream(await writing.streamed(place), kind, headers)
        file = await writing.spooled(place)
        ending = writing.ending
        headers["ucid-more"] = "true" if ending["more"] else "false"
        if ending["next"] is not None:
            headers["ucid-next"] = ending["next"]
        return Stream(_parts(file), kind, headers)

    def _place(self, cursor: str, question: bytes) -> Place:
        try:
            return self._cursors.read(cursor, question)
        except NoCursor as error:
            raise Refused(400, str(error), "query") from None

    def _check_type(self, type_: str | None) -> None:
        if type_ is not None and type_ not in self._desk.shared.generations.current.rules.types:
            raise Refused(400, "the rules know no identifiers of this type", "query")


class _Writing:
    """One answer in the making."""

    def __init__(
        self,
        cursors: Cursors,
        question: bytes,
        source: Source,
        who: Principal,
        format_: Format,
        limit: int | None,
    ) -> None:
        self.format = format_
        self.ending: dict[str, Any] = {}
        self._cursors = cursors
        self._question = question
        self._source = source
        self._who = who
        self._limit = limit

    async def streamed(self, place: Place) -> AsyncGenerator[bytes, None]:
        """The answer as it is made, once its first rows are there. Raises Refused."""
        parts = self._parts(place)
        return self._on([await anext(parts), await anext(parts)], parts)

    async def _on(
        self, first: list[bytes], parts: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """What is wrong ends it: with a line that says so, or without its end."""
        for part in first:
            yield part
        try:
            async with aclosing(parts):
                async for part in parts:
                    yield part
        except (Refused, SchemaError) as error:
            status = error.status if isinstance(error, Refused) else 503
            if last := self.format.broken({"error": str(error), "status": status}):
                yield last

    async def spooled(self, place: Place) -> IO[bytes]:
        """The answer as a file, whole. Raises Refused."""
        file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller reads it
        try:
            async for part in self._parts(place):
                file.write(part)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def _parts(self, place: Place) -> AsyncGenerator[bytes, None]:
        yield self.format.begin()
        freshness: Freshness | None = None
        count, steps, more = 0, 0, True
        while more and count != self._limit:
            most = TOGETHER if self._limit is None else min(TOGETHER, self._limit - count)
            if self._limit is not None and (steps == MOST_STEPS or (count and not self._who.rate.has(most))):
                break
            await self._afford(most)
            step = await self._source.step(place, most)
            self._pay(len(step.rows))
            place, more, freshness = step.place, step.more, freshness or step.freshness
            count, steps = count + len(step.rows), steps + 1
            if step.rows:
                yield await asyncio.to_thread(self.format.rows, step.rows)
        self.ending = self._ending(place, freshness, more=more)
        yield self.format.end(self.ending)

    async def _afford(self, most: int) -> None:
        """Wait until the key may have so many rows; a page that has none is refused instead (429)."""
        rate = self._who.rate
        if self._limit is not None and not rate.has(most):
            spend(self._who, most)
        while not rate.has(most):  # noqa: ASYNC110 - others of the same key may be quicker
            await asyncio.sleep(rate.wait(most))

    def _pay(self, count: int) -> None:
        # Others of the same key may have been quicker meanwhile.
        if not self._who.rate.take(count):
            self._who.rate.empty()

    def _ending(self, place: Place, freshness: Freshness | None, *, more: bool) -> dict[str, Any]:
        goes_on = more or isinstance(place, Logged)
        nowhere = isinstance(place, Logged) and place.change_id is None
        cursor = self._cursors.write(place, self._question) if goes_on and not nowhere else None
        told = {} if freshness is None else freshness_json(freshness)
        return {"more": more, "next": cursor, **told}


async def _parts(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    with file:
        while part := file.read(PART):
            yield part


def _filters(asked: Paging) -> dict[str, str]:
    given = msgspec.to_builtins(asked)
    return {name: value for name, value in given.items() if value is not None and name not in _PAGING}


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
