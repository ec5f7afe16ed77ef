"""What plain events call their people, byte for byte, and whom it means.

Most events repeat what another said a moment ago. So what it means is looked up once for an event, and there
also stands when a batch met it: one look finds all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, cast

from confluent_kafka import Message

from identity import Identifier, Observer, UnknownTypeError
from schemas.ledger import Ledger
from schemas.plain_event import Plain, PlainEvents, plain_identifiers

# How many meanings are remembered; about 100 MB of them. When there are more, all are forgotten.
_REMEMBERED: Final = 1 << 18


class Met:
    """Identifiers that count, and the events of a batch that say them.

    `first` and `last` are event times, `at` is the first append time, in microseconds since the epoch;
    `message` is one of these, None once it is told, and `event_id` its event's.
    """

    __slots__ = ("at", "batch", "event_id", "first", "identifiers", "last", "message")

    first: datetime
    last: datetime
    at: int
    event_id: str

    def __init__(self, identifiers: tuple[Identifier, ...]) -> None:
        self.identifiers = identifiers
        self.batch = 0  # the last one that met it, by its number
        self.message: Message | None = None


Row = tuple[Met, datetime, int, Message, Plain]
"""Of an event: whom it means, its time and append time, its message, and the event."""


class Meanings:
    """By tenant, what the bytes of an event's `identifiers` mean."""

    def __init__(self, observer: Observer, ledger: Ledger | None) -> None:
        """Nobody who is in the ledger is known here."""
        self._observer = observer
        self._ledger = ledger
        self._known: defaultdict[str, dict[bytes, Met]] = defaultdict(dict)
        self._batch = 0

    def forget(self) -> None:
        """The ledger has grown."""
        self._known.clear()

    def begin(self) -> None:
        """Another batch."""
        self._batch += 1
        if sum(map(len, self._known.values())) > _REMEMBERED:
            self.forget()

    def of(self, plain: PlainEvents) -> list[Met] | None:
        """Whom each of these events means; None where one of them has to be read by itself."""
        if len(plain.tenants) == 1:
            (tenant,) = plain.tenants
            return self._of(tenant, plain.identifiers)
        found = []
        for event, raw in zip(plain.events, plain.identifiers, strict=True):
            mets = self._of(event.tenant, [raw])
            if mets is None:
                return None
            found += mets
        return found

    def _of(self, tenant: str, raws: Sequence[bytes]) -> list[Met] | None:
        known = self._known[tenant]
        found = [*map(known.get, raws)]
        if all(found):
            return cast("list[Met]", found)
        new = {raw for raw, met in zip(raws, found, strict=True) if met is None}
        if not all(self._understand(known, raw) for raw in new):
            return None
        return [known[raw] for raw in raws]

    def meet(self, rows: Iterable[Row]) -> Iterator[Met]:
        """Note these events; hands out whom the batch had not met before."""
        batch = self._batch
        for met, time, at, message, event in rows:
            if met.batch != batch:
                met.batch, met.first, met.last, met.at = batch, time, time, at
                met.message, met.event_id = message, event.event_id
                yield met
                continue
            if time > met.last:
                met.last = time
            elif time < met.first:
                met.first = time
            if at < met.at:  # noqa: PLR1730 - a call would take longer
                met.at = at

    def _understand(self, known: dict[bytes, Met], raw: bytes) -> bool:
        """Remember which identifiers count of a plain event's; False where one is at fault.

        Or where one was erased: then it matters when each of these events was taken in.
        """
        values = plain_identifiers(raw)
        if values is None:
            return False
        try:
            screened = self._observer.screened(values)
        except UnknownTypeError:
            return False
        identifiers = tuple([x for x, fault in screened if fault is None])
        if self._ledger and any(x in tombstones for tombstones in self._ledger for x in identifiers):
            return False
        known[raw] = Met(identifiers)
        return True
