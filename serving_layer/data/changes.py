"""What happened to customers, from the history: changes in the order of the log, or whom they were about."""

import asyncio
from collections.abc import Container
from datetime import UTC, datetime
from typing import Final

import msgspec

from serving_layer import questions
from serving_layer.data.places import Logged, Named, Place
from serving_layer.data.steps import Row, Step, looked
from serving_layer.data.walk import TOGETHER, customer_row
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.history import Change, History, UnknownChange
from serving_layer.reading import Look
from serving_layer.shapes import Cause, ChangeRow

# Customers that are looked up at a time.
ABREAST: Final = 50


class Changes:
    """A tenant's changes since a moment (microseconds), of some kinds."""

    def __init__(self, history: History, tenant: str, since: int | None, kinds: Container[str]) -> None:
        self._history = history
        self._tenant = tenant
        self._since = since
        self._kinds = kinds

    async def begin(self) -> Place:
        """See `Source`."""
        return Logged()

    async def step(self, place: Place, most: int) -> Step:
        """See `Source`."""
        assert isinstance(place, Logged), "changes lead to nowhere else"
        together = min(TOGETHER, most)
        try:
            found, last = await asyncio.to_thread(
                self._history.after, self._tenant, place.change_id, together
            )
        except UnknownChange:
            raise Refused(
                410, "the change of this cursor is kept no longer: start again, with 'since'", "cursor"
            ) from None
        rows: list[Row] = [
            change_row(id_, change)
            for id_, change in found
            if change.kind in self._kinds and (self._since is None or change.at >= self._since)
        ]
        return Step(rows, place if last is None else Logged(last), more=last is not None)


class Changed:
    """Customers that changed since a moment (microseconds), each once, as it is now; by their ids."""

    def __init__(self, desk: Desk, history: History, tenant: str, since: int, type_: str | None) -> None:
        self._desk = desk
        self._history = history
        self._tenant = tenant
        self._since = since
        self._type = type_

    async def begin(self) -> Place:
        """See `Source`."""
        return Named((await looked(self._desk.shared, Look([]), None)).standing.number)

    async def step(self, place: Place, most: int) -> Step:
        """See `Source`."""
        assert isinstance(place, Named), "changed customers lead to nowhere else"
        reading = await looked(self._desk.shared, Look([]), place.generation)
        together = min(ABREAST, most)
        ids = await asyncio.to_thread(self._history.changed, self._tenant, self._since, place.after, together)
        asked = (self._desk.ask(questions.customer(self._tenant, id_), self._tenant) for id_ in ids)
        rows: list[Row] = []
        for id_, (outcome, freshness) in zip(ids, await asyncio.gather(*asked), strict=True):
            if freshness.generation != place.generation or freshness.stale:
                await looked(self._desk.shared, Look([]), place.generation)
                raise Refused(503, "readers moved on while they were asked: try again", "stale")
            if outcome is None or outcome.customer is None:
                continue
            customer_id, members, aliases = outcome.customer
            row = customer_row(customer_id, members, aliases, self._type)
            # An id from before a merge is now another customer's, who has changes of his own.
            if row is not None and customer_id == id_:
                rows.append(row)
        if not ids:
            return Step([], place, more=False, freshness=reading.freshness)
        return Step(rows, Named(place.generation, ids[-1]), more=True, freshness=reading.freshness)


def change_row(change_id: str, change: Change) -> ChangeRow:
    """A change as it is told."""
    return ChangeRow(
        change_id=change_id,
        kind=change.kind,
        at=datetime.fromtimestamp(change.at / 1_000_000, UTC),
        customer_id=change.customer_id,
        previous=change.previous,
        identifiers=len(change.identifiers),
        cause=msgspec.convert(change.cause, Cause | None, from_attributes=True),
        generation=change.generation,
    )
