"""The records that travel: one frozen struct for each kind of message.

All times are whole microseconds since 1970-01-01T00:00:00Z. Field by field, the wire forms are
described in docs/events.md.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

# 0001-01-01 to 9999-12-31 UTC: what an RFC 3339 string can say.
MIN_TIME = -62_135_596_800_000_000
MAX_TIME = 253_402_300_799_999_999

Micros = Annotated[int, Meta(ge=MIN_TIME, le=MAX_TIME, description="microseconds since the epoch, UTC")]
MaybeMicros = Micros | None
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Int = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]

# Identifier type -> its values in this event.
Identifiers = dict[str, list[str]]
# Attribute (nested ones joined by dots, "name.surname") -> value.
Properties = dict[str, str]

Outcome = Literal[
    "sent",
    "delivered",
    "open",
    "click",
    "soft_bounce",
    "hard_bounce",
    "complaint",
    "unsubscribe",
    "subscribe",
]
ConsentStatus = Literal["granted", "withdrawn"]
Verdict = Literal["must_link", "cannot_link", "undo"]
ChangeKind = Literal["created", "merged", "split", "moved", "erased"]


class Identifier(Struct, frozen=True, order=True, gc=False):
    """One identifier, as it was sent: not yet normalised."""

    type: str
    value: str


# gc=False: a record holds strings, numbers and flat containers of them, so it can be in no cycle, and
# the collector need not look at each of a million of them.
class _Record(Struct, frozen=True, kw_only=True, gc=False):
    SCHEMA: ClassVar[str]  # schemas/avro/SCHEMA.vN.avsc
    TIME: ClassVar[str]  # the field that says when it happened


class WebEvent(_Record, frozen=True, kw_only=True, gc=False):
    """Something a visitor did on a website or in an app.

    `kind` is open (page_view, login, form, purchase, …); `consent` maps a purpose to given or not.
    """

    SCHEMA: ClassVar[str] = "web_event"
    TIME: ClassVar[str] = "occurred_at"

    event_id: str
    tenant: str = "default"
    occurred_at: Micros
    site: str = ""
    kind: str = "page_view"
    identifiers: Identifiers
    page: str = ""
    properties: Properties = {}
    consent: dict[str, bool] = {}


class EmailEvent(_Record, frozen=True, kw_only=True, gc=False):
    """What became of one message of an email campaign."""

    SCHEMA: ClassVar[str] = "email_event"
    TIME: ClassVar[str] = "occurred_at"

    event_id: str
    tenant: str = "default"
    occurred_at: Micros
    message_id: str = ""
    campaign_id: str = ""
    outcome: Outcome
    identifiers: Identifiers
    properties: Properties = {}


class Consent(_Record, frozen=True, kw_only=True, gc=False):
    """What somebody permits, or no longer permits: a word of each of its identifiers.

    Channel, brand and locale left empty stand for all of them. `proof` is an opaque reference or a hash.
    """

    SCHEMA: ClassVar[str] = "consent"
    TIME: ClassVar[str] = "stated_at"

    consent_id: str
    tenant: str = "default"
    stated_at: Micros
    status: ConsentStatus
    identifiers: Identifiers
    purpose: str
    channel: str = ""
    brand: str = ""
    locale: str = ""
    valid_from: MaybeMicros = None
    valid_until: MaybeMicros = None
    source: str = ""
    proof: str = ""


class Decision(_Record, frozen=True, kw_only=True, gc=False):
    """A steward's verdict on two identifiers; `undo` takes an earlier one on the same pair back."""

    SCHEMA: ClassVar[str] = "decision"
    TIME: ClassVar[str] = "decided_at"

    decision_id: str
    tenant: str = "default"
    decided_at: Micros
    verdict: Verdict
    a: Identifier
    b: Identifier
    who: str = ""
    why: str = ""


class Erasure(_Record, frozen=True, kw_only=True, gc=False):
    """Identifiers to forget, with all that was taken in of them up to this message.

    They are as the rules normalise them. Once every store has forgotten them, a message under the same key
    takes this one's place. It names nobody: `tombstones` (`identity.tombstones`, in hex) stand for them, and
    `through` says up to when; 0: up to the message's own append time.
    """

    SCHEMA: ClassVar[str] = "erasure"
    TIME: ClassVar[str] = "requested_at"

    erasure_id: str
    tenant: str = "default"
    requested_at: Micros
    identifiers: list[Identifier] = []
    tombstones: list[str] = []
    through: Long = 0
    who: str = ""


class Cause(Struct, frozen=True, kw_only=True, gc=False):
    """The message that changed a customer, and where it lies in the log."""

    topic: str
    partition: Int
    offset: Long
    event_id: str


class CustomerChange(_Record, frozen=True, kw_only=True, gc=False):
    """What happened to a customer.

    `customer_id` is the id now, `previous` the ids it replaces, `identifiers` those that moved.
    `version` counts the changes of one customer; `generation` is the one the change was made on. A
    change without a cause came with a generation: a link that expired has no message of its own.
    """

    SCHEMA: ClassVar[str] = "customer_change"
    TIME: ClassVar[str] = "at"

    change_id: str
    tenant: str = "default"
    kind: ChangeKind
    at: Micros
    customer_id: str
    previous: list[str] = []
    identifiers: list[Identifier] = []
    cause: Cause | None = None
    version: Long
    generation: Long


class CustomerTrigger(_Record, frozen=True, kw_only=True, gc=False):
    """What is to be acted on: the condition of a trigger came true for a customer at `at`, in event time.

    `trigger_id` is the same when it is sent again, for it is made of tenant, trigger, customer and the event
    that caused it. `purpose` and `channel` are those that consent was asked for, or empty.
    """

    SCHEMA: ClassVar[str] = "customer_trigger"
    TIME: ClassVar[str] = "at"

    trigger_id: str
    tenant: str = "default"
    trigger: str
    at: Micros
    customer_id: str
    cause: Cause
    purpose: str = ""
    channel: str = ""


class DeadLetter(_Record, frozen=True, kw_only=True, gc=False):
    """A message that was refused: where it came from, its bytes untouched, and what to fix."""

    SCHEMA: ClassVar[str] = "dead_letter"
    TIME: ClassVar[str] = "ingested_at"

    topic: str
    partition: Int
    offset: Long
    ingested_at: Micros
    value: bytes
    key: bytes | None = None
    reason: str


Event = WebEvent | EmailEvent
Absorbed = WebEvent | EmailEvent | Consent | Decision
Record = WebEvent | EmailEvent | Consent | Decision | Erasure | CustomerChange | CustomerTrigger | DeadLetter


def kind_of(event: Event) -> str:
    """What conditions call an event of this kind; see `identity.conditions`."""
    return "web" if isinstance(event, WebEvent) else "email"
