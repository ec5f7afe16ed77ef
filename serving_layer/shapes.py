"""What answers look like. The server's description of itself is made from these, and so is the client."""

from datetime import datetime

import msgspec


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An answer or a part of one. Fields that are not known yet are left out when one is read."""


class Identifier(Shape, frozen=True, kw_only=True):
    """A type, and a value in its normal form."""

    type: str
    value: str


class Freshness(Shape, frozen=True, kw_only=True):
    """What an answer rests on.

    `generation` is that of the batch; `through` and `offsets` say up to when, and up to which messages (the
    next of each `topic:partition`), the stream is included; `stale` that it could not be asked.
    """

    generation: int
    through: datetime | None
    offsets: dict[str, int]
    stale: bool


class Found(Shape, frozen=True, kw_only=True):
    """The answer for one identifier.

    `certainty` is from 0 to 1, None where it is not known; `identifiers` are for callers with the scope
    `read`; `aliases` are ids from before a merge. Without a customer `reason` says why the identifier can
    link nobody. `stale_address`: mails to it came back, so it is less certain, and links nobody new until it
    shows a sign of life. `objected`: who uses it objects to its being joined, so it stands apart. `pending`:
    events about it wait, the answer may change soon.
    """

    customer_id: str | None
    certainty: float | None = None
    identifiers: list[Identifier] | None = None
    aliases: list[str] = []
    reason: str | None = None
    stale_address: bool = False
    objected: bool = False
    pending: bool = False


class Lookup(Freshness, frozen=True, kw_only=True):
    """Answers in the order of the question; None is an identifier that nobody knows."""

    results: list[Found | None]


class Known(Shape, frozen=True, kw_only=True):
    """The value of an attribute, the source that it came from, and when it was so there."""

    value: str | int | float | bool
    source: str
    at: str


class Customer(Freshness, frozen=True, kw_only=True):
    """A customer. `asked` is the id that was asked for; `moved` says whether that is another one now."""

    customer_id: str
    asked: str
    moved: bool
    identifiers: list[Identifier]
    aliases: list[str]
    profile: dict[str, Known] = {}
    segments: list[str] = []


class Cause(Shape, frozen=True, kw_only=True):
    """The message that made a change: where it lies in the log, and its event id."""

    topic: str
    partition: int
    offset: int
    event_id: str


class Change(Shape, frozen=True, kw_only=True):
    """What happened to a customer.

    `kind` is created, merged, split, moved or erased; `previous` are the ids it came from, `identifiers` how
    many came to it. Without a cause it came with a generation.
    """

    kind: str
    at: datetime
    customer_id: str
    previous: list[str]
    identifiers: int
    cause: Cause | None
    generation: int


class History(Freshness, frozen=True, kw_only=True):
    """What happened to a customer, oldest first."""

    customer_id: str
    asked: str
    moved: bool
    changes: list[Change]


class Step(Shape, frozen=True, kw_only=True):
    """A link of a path: when it was seen, and what a steward said of it last."""

    a: Identifier
    b: Identifier
    first_seen: datetime | None
    last_seen: datetime | None
    first_ingested: datetime | None
    verdict: str | None
    decided_at: datetime | None


class Word(Shape, frozen=True, kw_only=True):
    """A steward's decision."""

    decision_id: str
    verdict: str
    at: datetime
    who: str
    why: str


class RefusedLink(Shape, frozen=True, kw_only=True):
    """A link that joins nobody, and the rule that says so."""

    a: Identifier
    b: Identifier
    reason: str


class Explanation(Freshness, frozen=True, kw_only=True):
    """Why two identifiers are one customer, or why not."""

    same: bool
    a: Found | None
    b: Found | None
    certainty: float | None
    path: list[Step]
    joined_by: Change | None
    decisions: list[Word]
    refused: list[RefusedLink]
    refused_left_out: int


class Decided(Shape, frozen=True, kw_only=True):
    """The log has a decision: lookups whose `offsets` are above `offset` obey it."""

    decision_id: str
    offset: dict[str, int]


class Alive(Shape, frozen=True, kw_only=True):
    """The process answers."""

    alive: bool


class Problem(Shape, frozen=True, kw_only=True):
    """A refusal: what to change."""

    error: str


class CustomerRow(Shape, frozen=True, kw_only=True):
    """A customer of the data API."""

    customer_id: str
    identifiers: list[Identifier]
    aliases: list[str]


class IdentifierRow(Shape, frozen=True, kw_only=True):
    """An identifier of the data API, and whose it is."""

    type: str
    value: str
    customer_id: str


class ChangeRow(Change, frozen=True, kw_only=True):
    """A change of the data API: `change_id` is the same wherever and whenever it is told."""

    change_id: str


class Page(Freshness, frozen=True, kw_only=True):
    """The end of a page: whether there is more, the cursor to go on with, and what the page rests on."""

    more: bool
    next: str | None


class CustomersPage(Page, frozen=True, kw_only=True):
    """Customers."""

    customers: list[CustomerRow]


class IdentifiersPage(Page, frozen=True, kw_only=True):
    """Identifiers."""

    identifiers: list[IdentifierRow]


class ChangesPage(Shape, frozen=True, kw_only=True):
    """Changes, in the order of the log. `next` goes on with those that are still to come."""

    changes: list[ChangeRow]
    more: bool
    next: str | None


class SegmentRun(Shape, frozen=True, kw_only=True):
    """How many customers a former run found in a segment, by the same conditions."""

    generation: int
    counted_at: str
    customers: int


class Segment(Shape, frozen=True, kw_only=True):
    """A segment: who meets all of `when`, and not all of `unless`; with `key` they are key customers.

    `customers` is null where no run has counted yet; `past` are runs before that are kept, oldest first.
    """

    name: str
    key: bool
    when: list[str]
    unless: list[str]
    customers: int | None
    past: list[SegmentRun]


class Segments(Shape, frozen=True, kw_only=True):
    """The segments of the rules, as a generation counted them.

    `as_of` is the moment at which they were judged, `counted_at` when the run did so.
    """

    generation: int
    as_of: str | None
    counted_at: str | None
    segments: list[Segment]


class Fed(Shape, frozen=True, kw_only=True):
    """What a source says of an identifier type or attribute.

    `used` says what for: `identifier`, `profile`, `match key`, or nothing. `personal` is its class: `none`,
    `pseudonymous`, `personal` or `special`; `assumed`, that no configuration says so. `newest` is the newest
    moment that was spoken of, `taken_in` when it was last taken in.
    """

    name: str
    used: list[str]
    personal: str
    assumed: bool
    accepted: int
    rejected: int
    newest: str | None
    taken_in: str | None


class Source(Shape, frozen=True, kw_only=True):
    """A source: `way` is `events` of the stream, or `records` that are loaded."""

    name: str
    way: str
    accepted: int
    rejected: int
    newest: str | None
    taken_in: str | None
    identifiers: list[Fed]
    attributes: list[Fed]


class Catalogue(Shape, frozen=True, kw_only=True):
    """The sources of a tenant, as a generation counted them; `counted_at` is null where none has.

    `unreadable` has, by topic, how many messages could not be read: they are nobody's.
    """

    generation: int
    counted_at: str | None
    sources: list[Source]
    unreadable: dict[str, int]
