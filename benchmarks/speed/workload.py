"""What a web shop's visitors do: the same events for one size and seed, on any machine.

Activity is Zipf's: the customer of rank k is 1/k as busy as the first. Shares are of all events.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

import msgspec

import schemas
from benchmarks.speed.population import Person, person
from schemas import WebEvent

SHARED = 0.005  # on a device that others use, too
JUNK = 0.001  # with a value that stands for none
SEVERAL = 0.15  # with more than one identifier; the two above are among them
REPEATED = 0.02  # sent again, the same bytes
LATE = 0.03  # happened before events that were sent earlier

EVENTS_EACH = 5  # per customer
EVENTS_PER_SHARED_DEVICE = 1_000

_START = 1_748_736_000_000_000  # 2025-06-01, in microseconds
_STEP = 86_400  # of event time between two events, in microseconds: a million a day
_LATEST = 7_200_000_000  # at most two hours late
_WINDOW = 20_000  # what is sent again was sent among so many before
_CHUNK = 10_000  # customers drawn at a time
_JUNK = (
    ("login", "null"),
    ("login", "undefined"),
    ("login", "[object Object]"),
    ("email", "none@"),
    ("cookie", "00000000-0000-0000-0000-000000000000"),
)
_SITES = ("shop.example", "www.shop.example", "app.shop.example")

Identifiers = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Workload:
    """So many events of so many customers. Another seed: other events of the same customers."""

    events: int
    customers: int
    seed: int = 0
    after: int = 0
    """So many events happened before the first of these."""

    @classmethod
    def of(cls, events: int) -> "Workload":
        """The usual number of customers for that many events."""
        return cls(events, max(events // EVENTS_EACH, 1))

    def next(self, events: int) -> "Workload":
        """What the same customers do after these events."""
        return Workload(events, self.customers, self.seed + 1, self.after + self.events)

    def __iter__(self) -> Iterator[WebEvent]:
        """The events in the order in which they are sent; takes no more memory for more of them."""
        random = Random(self.seed)
        recent: list[WebEvent] = []
        start = _START + self.after * _STEP
        customers = self._customers(random)
        devices = _weights(max(self.events // EVENTS_PER_SHARED_DEVICE, 2))
        for number in range(self.events):
            if recent and random.random() < REPEATED:
                yield random.choice(recent)
                continue
            event = self._event(random, number, next(customers), devices, start + number * _STEP)
            if len(recent) < _WINDOW:
                recent.append(event)
            else:
                recent[number % _WINDOW] = event
            yield event

    def _customers(self, random: Random) -> Iterator[int]:
        weights = _weights(self.customers)
        while True:
            yield from random.choices(range(self.customers), cum_weights=weights, k=_CHUNK)

    def _event(self, random: Random, number: int, customer: int, devices: list[float], now: int) -> WebEvent:
        who = person(customer)
        chance = random.random()
        if chance < SHARED:
            device = bisect(devices, random.random() * devices[-1])
            kind, identifiers = "login", _together("cookie", f"GA1.3.{device}.7", *_strongest(who))
        elif chance < SHARED + JUNK:
            kind, identifiers = "form", _together("cookie", who.cookies[0], *random.choice(_JUNK))
        elif chance < SEVERAL:
            kind, identifiers = "login", _several(who, random)
        else:
            kind, identifiers = "page_view", _one(who, random)
        if random.random() < LATE / (1 - REPEATED):
            now -= int(random.random() * _LATEST) + _STEP
        return WebEvent(
            event_id=f"{random.getrandbits(64):016x}",
            occurred_at=now - now % 1000,
            site=_SITES[number % len(_SITES)],
            kind=kind,
            page=f"/product/{random.getrandbits(14)}",
            identifiers=identifiers,
        )


def _weights(size: int) -> list[float]:
    """Zipf's law with exponent 1, summed up."""
    return list(accumulate(1 / rank for rank in range(1, size + 1)))


def _strongest(who: Person) -> tuple[str, str]:
    if who.login:
        return "login", who.login
    return ("email", who.email) if who.email else ("cookie", who.cookies[0])


def _together(type_: str, value: str, other_type: str, other: str) -> Identifiers:
    return {type_: [value, other]} if type_ == other_type else {type_: [value], other_type: [other]}


def _several(who: Person, random: Random) -> Identifiers:
    cookie = random.choice(who.cookies)
    if who.login and who.email:
        chance = random.random()
        if chance < 0.2:
            return {"login": [who.login], "email": [who.email], "cookie": [cookie]}
        return _together("cookie", cookie, *(("login", who.login) if chance < 0.7 else _address(who, random)))
    if who.login or who.email:
        return _together("cookie", cookie, *_strongest(who))
    return {"cookie": list(who.cookies[:2])}  # two trackers of one visitor


def _one(who: Person, random: Random) -> Identifiers:
    chance = random.random()
    if chance < 0.07 and who.login:
        return {"login": [who.login]}
    if chance > 0.97 and who.email:
        type_, value = _address(who, random)
        return {type_: [value]}
    return {"cookie": [who.cookies[0] if chance < 0.6 else random.choice(who.cookies)]}


def _address(who: Person, random: Random) -> tuple[str, str]:
    """The address, as people type it: now and then with capitals."""
    return "email", who.email.title() if random.random() < 0.1 else who.email


class _Line(msgspec.Struct, gc=False, omit_defaults=True):
    event_id: str
    occurred_at: str
    site: str
    kind: str
    page: str
    identifiers: dict[str, str | list[str]]
    properties: dict[str, str] = {}
    consent: dict[str, bool] = {}


_encode = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_json(event: WebEvent) -> bytes:
    """The event as a website sends it: no field that says nothing, one value without a list."""
    when = (_EPOCH + timedelta(microseconds=event.occurred_at)).isoformat(timespec="milliseconds")
    identifiers = {
        type_: values[0] if len(values) == 1 else values for type_, values in event.identifiers.items()
    }
    when = f"{when[:-6]}Z"
    told = event.site, event.kind, event.page, identifiers, event.properties, event.consent
    return _encode(_Line(event.event_id, when, *told))


def as_avro(event: WebEvent) -> bytes:
    """The same event in single-object encoding."""
    return schemas.encode(event)
