"""Every Delta table in one place: what a row is, its key, and each column with its type and unit.

The tables carry these words as comments, docs/tables.md repeats them, and a test compares the two.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from batch_layer.outcomes import COUNTED

_MICROS = "microseconds since 1970-01-01T00:00:00Z"


class Column(NamedTuple):
    """A column: its name, its type as Spark's DDL has it, and what it says; `unit` where it has one."""

    name: str
    type: str
    meaning: str
    unit: str = ""

    @property
    def comment(self) -> str:
        """What the table itself says of it."""
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what one row of it is, the columns that tell rows apart, and how its files are laid out.

    `partitions` are columns with a directory for each value; `order` those that files are ranges of, so that
    a reader who asks for a value opens one file. `bounded` are the columns whose smallest and largest values
    Delta's log tells of each file; empty: all. Delta never rewrites its log, so what an erasure has to take
    out of a table at once must not stand there.
    """

    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ()

    @property
    def ddl(self) -> str:
        """Names and types, as Spark reads them."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)


_TENANT = Column("tenant", "STRING", "whose customer")
_TYPE = Column("type", "STRING", "identifier type, as the rules name it")
_VALUE = Column("value", "STRING", "normalised value; personal data")
_CUSTOMER = Column("customer_id", "STRING", "customer's id, as lookups answer it")
_CAMPAIGN = Column("campaign_id", "STRING", "campaign, as its e-mail service names it; may be empty")
_ATTRIBUTE = Column("attribute", "STRING", "attribute, as the rules name it")
_SEGMENT = Column("segment", "STRING", "segment, as the rules name it")
_GROUP_KIND = Column("kind", "STRING", "kind of group, as the rules name it")
_GROUP = Column("group_id", "STRING", "group, by the smallest id of its customers in this version")
_WHERE = (
    Column("topic", "STRING", "Kafka topic, or `source:` and the name of a slow source"),
    Column("partition", "INT", "Kafka partition; null for a slow source"),
    Column("offset", "BIGINT", "Kafka offset, or number of the load"),
)
_LINK_TIMES = (
    Column("first_seen", "BIGINT", "event time of the first sighting", _MICROS),
    Column("last_seen", "BIGINT", "event time of the last sighting", _MICROS),
    Column("first_ingested", "BIGINT", "when it was first taken in", _MICROS),
)


_STATED = (
    Column("purpose", "STRING", "what for"),
    Column("channel", "STRING", "by what way; empty: all"),
    Column("brand", "STRING", "whose; empty: all"),
    Column("locale", "STRING", "in which language; empty: all"),
    Column("status", "STRING", "`granted` or `withdrawn`"),
    Column("stated_at", "BIGINT", "when it was said", _MICROS),
    Column("valid_from", "BIGINT", "when a grant begins, null: at once", _MICROS),
    Column("valid_until", "BIGINT", "when a grant ends, null: never", _MICROS),
    Column("source", "STRING", "who asked, and where"),
    Column("proof", "STRING", "a reference or a hash of what proves it"),
    Column("ingested_at", "BIGINT", "when it was first taken in", _MICROS),
)


# The permissions that a record of a slow source states; moments in microseconds, null where it says none.
STATED: Final = (
    "ARRAY<STRUCT<purpose: STRING, channel: STRING, brand: STRING, locale: STRING, status: STRING, "
    "stated_at: BIGINT, valid_from: BIGINT, valid_until: BIGINT, proof: STRING>>"
)


def _counts(unique: str) -> tuple[Column, ...]:
    """What `batch_layer.outcomes` counts: events, and whom or what they are of."""
    totals = tuple(Column(f"{what}_total", "BIGINT", f"events: {what}") for what in COUNTED)
    uniques = tuple(Column(f"{what}_unique", "BIGINT", f"{unique} {what}") for what in COUNTED)
    return totals + uniques


_KEY = "tenant, type and value with a NUL between; personal data"

TABLES: Final[dict[str, Table]] = {
    "bronze/events": Table(
        "A message of the log, as it came; each is here exactly once.",
        (
            Column("topic", "STRING", "Kafka topic"),
            Column("partition", "INT", "Kafka partition"),
            Column("offset", "BIGINT", "Kafka offset"),
            Column("ingested_at", "BIGINT", "append time of the log", _MICROS),
            Column("key", "BINARY", "message's key, if it has one"),
            Column("value", "BINARY", "message's bytes, see docs/events.md; personal data"),
            Column("day", "DATE", "day of ingested_at", "UTC"),
        ),
        key=("topic", "partition", "offset"),
        partitions=("day",),
    ),
    "bronze/records": Table(
        "A version of a slow source's record; appended, never changed. It counts once its load does.",
        (
            Column("load", "BIGINT", "load that brought it"),
            _TENANT,
            Column("source", "STRING", "name of the source"),
            Column("record", "STRING", "record's id in its source; personal data"),
            Column("changed_at", "BIGINT", "when the source says that it changed", _MICROS),
            Column("ingested_at", "BIGINT", "time of the load", _MICROS),
            Column("ended", "STRING", "null, or why the record ended: `deleted` or `missing`"),
            Column("content", "STRING", "hash of what it says"),
            Column("identifiers", "MAP<STRING, ARRAY<STRING>>", "values by type, as sent; personal data"),
            Column("attributes", "MAP<STRING, STRING>", "attributes by path; personal data"),
            Column("consents", STATED, "permissions as stated; null: its source says nothing of them"),
        ),
        key=("tenant", "source", "record", "load"),
        bounded=("load", "tenant", "source", "changed_at", "ingested_at"),
    ),
    "bronze/rejects": Table(
        "A rule that a record of a slow source failed.",
        (
            Column("load", "BIGINT", "load that met it"),
            _TENANT,
            Column("source", "STRING", "name of the source"),
            Column("file", "STRING", "file that it came in"),
            Column("record", "STRING", "record's id, where it could be read; personal data"),
            Column("column", "STRING", "column at fault; null for the row as a whole"),
            Column("rule", "STRING", "name of the rule"),
            Column("reason", "STRING", "what to fix"),
            Column("rejected", "BOOLEAN", "whether the record was refused, not only the value"),
            Column("row", "STRING", "row as it was, JSON; personal data"),
        ),
        key=("load", "tenant", "source", "file", "record", "column", "rule"),
        bounded=("load", "tenant", "source"),
    ),
    "silver/seen": Table(
        "An identifier that may link somebody, whether it is part of a customer or not.",
        (
            Column("x", "STRING", f"identifier: {_KEY}"),
            *_LINK_TIMES,
        ),
        key=("x",),
    ),
    "silver/links": Table(
        "Two identifiers seen together, or decided upon: all that is known of the pair.",
        (
            Column("a", "STRING", f"the smaller end: {_KEY}"),
            Column("b", "STRING", f"the larger end: {_KEY}"),
            *_LINK_TIMES,
            Column("verdict", "INT", "last decision: 0 none, 1 must-link, 2 cannot-link"),
            Column("decided_at", "BIGINT", "when it was made; the smallest BIGINT for never", _MICROS),
        ),
        key=("a", "b"),
    ),
    "silver/consents": Table(
        "A word of an identifier on a permission, see docs/consent.md: the history of all that was stated.",
        (
            Column("x", "STRING", f"identifier: {_KEY}"),
            *_STATED,
            Column(
                "former", "BOOLEAN", "whether it is history alone: a record that granted it no longer does"
            ),
        ),
        key=("x", "purpose", "channel", "brand", "locale", "stated_at", "status", "proof", "ingested_at"),
        order=("x",),
    ),
    "silver/claims": Table(
        "A value that an event or a record claims for an attribute; see docs/profile.md.",
        (
            Column("x", "STRING", f"identifier that claims it: {_KEY}"),
            Column("attribute", "STRING", "attribute, or `#` and a segment that counts the event"),
            Column("source", "STRING", "`web`, `email`, `self_service`, or the name of a slow source"),
            Column("record", "STRING", "event's id, or record's id in its source; personal data"),
            Column("at", "BIGINT", "when it was so: event time, or the record's changed_at", _MICROS),
            Column("value", "STRING", "value in its one spelling, null where it is none; personal data"),
            Column("fault", "STRING", "null, or why it is no value and counts for nothing"),
            Column("ingested_at", "BIGINT", "when it was first taken in", _MICROS),
        ),
        key=("x", "attribute", "source", "record", "at", "value"),
    ),
    "gold/identifiers": Table(
        "An identifier that is part of a customer.",
        (_TENANT, _TYPE, _VALUE, _CUSTOMER),
        key=("tenant", "type", "value"),
        order=("tenant", "type", "value"),
    ),
    "gold/customers": Table(
        "A customer.",
        (
            _TENANT,
            _CUSTOMER,
            Column("identifiers", "BIGINT", "how many identifiers it has"),
            Column(
                "component",
                "BIGINT",
                "customers of one number hang together by links, refused ones included; "
                "means nothing in another version of the table",
            ),
        ),
        key=("tenant", "customer_id"),
        order=("tenant", "customer_id"),
    ),
    "gold/aliases": Table(
        "An id that was a customer's own once and means another customer now, after a merge.",
        (_TENANT, Column("alias", "STRING", "former id"), _CUSTOMER),
        key=("tenant", "alias"),
    ),
    "gold/refused_links": Table(
        "A link that would have joined two customers, and the rule that refused it.",
        (
            _TENANT,
            Column("a_type", "STRING", "type of the smaller end"),
            Column("a_value", "STRING", "its normalised value; personal data"),
            Column("b_type", "STRING", "type of the larger end"),
            Column("b_value", "STRING", "its normalised value; personal data"),
            Column("reason", "STRING", "limit or decision that refused it"),
        ),
        key=("tenant", "a_type", "a_value", "b_type", "b_value"),
    ),
    "gold/quarantined": Table(
        "An identifier that links nobody.",
        (_TENANT, _TYPE, _VALUE, Column("reason", "STRING", "why: junk, blocked, expired, hot, …")),
        key=("tenant", "type", "value"),
    ),
    "gold/consents": Table(
        "What a customer permits by the words of all its identifiers; a grant that has ended has expired.",
        (_TENANT, _CUSTOMER, *_STATED),
        key=("tenant", "customer_id", "purpose", "channel", "brand", "locale"),
    ),
    "gold/campaigns": Table(
        "A campaign of e-mails: what became of its messages, see docs/webhooks.md.",
        (_TENANT, _CAMPAIGN, *_counts("people:")),
        key=("tenant", "campaign_id"),
    ),
    "gold/campaign_customers": Table(
        "A customer in a campaign.",
        (_TENANT, _CUSTOMER, _CAMPAIGN, *_counts("messages:")),
        key=("tenant", "customer_id", "campaign_id"),
        order=("tenant", "customer_id"),
    ),
    "gold/profiles": Table(
        "An attribute of a customer.",
        (
            _TENANT,
            _CUSTOMER,
            _ATTRIBUTE,
            Column("value", "STRING", "value in its one spelling; personal data"),
            Column("source", "STRING", "source that it came from; of a sum, all of them"),
            Column("at", "BIGINT", "when it was said; of a sum, the newest part", _MICROS),
        ),
        key=("tenant", "customer_id", "attribute"),
        order=("tenant", "customer_id"),
    ),
    "gold/segments": Table(
        "A segment that has customers; see docs/segments.md.",
        (_TENANT, _SEGMENT, Column("customers", "BIGINT", "how many customers are in it")),
        key=("tenant", "segment"),
    ),
    "gold/segment_members": Table(
        "A customer in a segment.",
        (_TENANT, _CUSTOMER, _SEGMENT),
        key=("tenant", "customer_id", "segment"),
        order=("tenant", "segment"),
    ),
    "gold/key_customers": Table(
        "A customer in a segment that the rules call key.",
        (_TENANT, _CUSTOMER, Column("reasons", "ARRAY<STRING>", "key segments that it is in")),
        key=("tenant", "customer_id"),
    ),
    "gold/groups": Table(
        "A household, business, portfolio or other group of customers; see docs/segments.md.",
        (
            _TENANT,
            _GROUP_KIND,
            _GROUP,
            Column("customers", "BIGINT", "how many customers are in it"),
            Column("sites", "BIGINT", "how many places they are at"),
            Column("sums", "MAP<STRING, STRING>", "totals by attribute, each an exact decimal"),
            Column(
                "reasons", "ARRAY<STRING>", "counts and totals for which it is key; empty where it is not"
            ),
        ),
        key=("tenant", "kind", "group_id"),
    ),
    "gold/group_members": Table(
        "A customer in a group.",
        (_TENANT, _GROUP_KIND, _GROUP, _CUSTOMER),
        key=("tenant", "kind", "customer_id"),
    ),
    "gold/rejects": Table(
        "A message or record that was refused.",
        (*_WHERE, Column("reason", "STRING", "what to fix; quotes no value")),
        key=("topic", "partition", "offset"),
    ),
    "gold/homes": Table(
        "For the next run: the id that an identifier is at home in (docs/decisions/0002).",
        (Column("x", "STRING", f"identifier: {_KEY}"), Column("home", "STRING", "published customer id")),
        key=("x",),
    ),
    "gold/ids": Table(
        "For the next run: an id that was ever published, and what it was minted from.",
        (
            Column("customer", "STRING", "customer id"),
            Column("generation", "BIGINT", "generation that first published it"),
            Column("first_ingested", "BIGINT", "when its anchor was first taken in", _MICROS),
            Column("anchor", "STRING", f"its first member: {_KEY}"),
            Column("counter", "INT", "how many ids the same anchor had before"),
        ),
        key=("customer",),
    ),
    "gold/runs": Table(
        "A run that published a generation. The same figures are in the generation's report.json.",
        (
            Column("generation", "BIGINT", "generation that it published"),
            Column("at", "TIMESTAMP", "when it ended", "UTC"),
            Column("as_of", "TIMESTAMP", "moment at which ages were judged", "UTC"),
            Column("fingerprint", "STRING", "fingerprint of the rules"),
            Column("messages", "BIGINT", "messages that it landed from Kafka"),
            Column("records", "BIGINT", "record versions of slow sources that it took in first"),
            Column("seconds", "DOUBLE", "how long it took up to its last table", "seconds"),
            Column("identifiers", "BIGINT", "identifiers that are part of a customer"),
            Column("customers", "BIGINT", "customers"),
            Column("made", "BIGINT", "customers whose identifiers nobody knew"),
            Column("merged", "BIGINT", "customers made of several former ones"),
            Column("split", "BIGINT", "former customers that are several now"),
            Column("gone", "BIGINT", "former customers of whom no identifier counts any more"),
            Column("ids_lost", "BIGINT", "ids of former customers that mean nobody any more"),
            Column("refused_links", "BIGINT", "links that a rule refused"),
            Column("hot", "BIGINT", "hot identifiers"),
            Column("largest", "BIGINT", "identifiers of the largest customer"),
            Column(
                "compared", "BIGINT", "answers of the stream that parity compared; null: none, see report"
            ),
            Column("differing", "BIGINT", "those that differed"),
            Column("unexplained", "BIGINT", "those that differed for no known reason: a fault"),
            Column("report", "STRING", "all figures of the run, JSON"),
        ),
        key=("generation",),
    ),
}
