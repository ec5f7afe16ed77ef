"""What events and records say, counted: the figures of the catalogue (`batch_layer.catalogue`), by Spark.

It reads them by the code that every run uses, and passes once over what it is given. Names are the producers'
own, and one that is at fault may name attributes without end: *the bound* is MOST_NAMES of them for each
source of a tenant, the first by name.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as f

from batch_layer.catalogue import MOST_NAMES, Count, Counts, Kind, Place
from batch_layer.rows import Row, map_rows
from identity import Observer, Rules, UnknownTypeError
from identity.profile import claims
from schemas import CONSENTS, EMAIL, WEB, Malformed
from schemas.absorb import accept
from schemas.claims import EMAIL_SOURCE, WEB_SOURCE, source_of
from schemas.counted import NOBODY, Way
from schemas.events import Consent, Decision, kind_of

# What a topic is called as a source, where it cannot be told who speaks.
_TOPICS: Final = {WEB: WEB_SOURCE, EMAIL: EMAIL_SOURCE, CONSENTS: "consents"}

_COUNTED: Final = pa.schema(
    [*((name, pa.string()) for name in Place._fields), *((name, pa.int64()) for name in Count._fields)]
)

# Places that a task counts before it hands them over.
_HELD = 50_000

# Tenant, source and way: the first of a `Place`.
_Whose = tuple[str, str, Way]


class _Reader:
    """Counts what events and records say."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._observer = Observer(rules)
        self._counts: defaultdict[Row, list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def unread(self, source: str, taken_in: int) -> None:
        """What cannot be read: it cannot be told whose it is."""
        self._note((NOBODY, source, "events"), "source", "", 0, taken_in, wrong=True)

    def read(
        self,
        whose: _Whose,
        identifiers: Mapping[str, list[str]],
        said: Mapping[str, str],
        at: int,
        taken_in: int,
    ) -> None:
        """One event or record of a source, which spoke of a moment `at`."""
        try:
            screened = self._observer.screened(identifiers)
        except UnknownTypeError:
            self._note(whose, "source", "", at, taken_in, wrong=True)
            return
        self._note(whose, "source", "", at, taken_in, wrong=False)
        for x, fault in screened:
            self._note(whose, "identifier", x.type, at, taken_in, wrong=fault is not None)
        if said:
            told = claims(self._rules, said, whose[1], "", at, taken_in)
            faults = {claim.attribute for claim in told if claim.fault}
            for name in said:
                self._note(whose, "attribute", name, at, taken_in, wrong=name in faults)

    @property
    def is_full(self) -> bool:
        """Whether what was counted should be handed over."""
        return len(self._counts) >= _HELD

    def rows(self) -> Iterator[Row]:
        """What was counted, in rows of _COUNTED; it is let go."""
        while self._counts:
            place, count = self._counts.popitem()
            yield (*place, *count)

    def _note(self, whose: _Whose, kind: Kind, name: str, at: int, taken_in: int, *, wrong: bool) -> None:
        count = self._counts[(*whose, kind, name)]
        if wrong:
            count[1] += 1
        else:
            count[0] += 1
            count[2] = max(count[2], at)
        count[3] = max(count[3], taken_in)


def of_events(bronze: DataFrame, rules: Rules) -> DataFrame:
    """What messages of the log say, in rows that are yet to be added up."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        reader = _Reader(rules)
        for topic, value, ingested_at in rows:
            try:
                event = accept(topic, value, ingested_at)
            except Malformed:
                reader.unread(_TOPICS[topic], ingested_at)
                continue
            assert not isinstance(event, Decision), "these topics carry none"
            said: Mapping[str, str] = {}
            if isinstance(event, Consent):
                source, at = _TOPICS[CONSENTS], event.stated_at
            else:
                source, at = source_of(kind_of(event), event), event.occurred_at
                said = event.properties
            reader.read((event.tenant, source, "events"), event.identifiers, said, at, ingested_at)
            if reader.is_full:
                yield from reader.rows()
        yield from reader.rows()

    messages = bronze.where(f.col("topic").isin(*_TOPICS)).select("topic", "value", "ingested_at")
    return map_rows(messages, step, _COUNTED)


def of_records(records: DataFrame, rules: Rules) -> DataFrame:
    """What the records of slow sources say that stand, likewise."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        reader = _Reader(rules)
        for tenant, source, changed_at, taken_in, identifiers, attributes in rows:
            at = taken_in if changed_at is None else changed_at
            said = dict(attributes or ())
            reader.read((tenant, source, "records"), dict(identifiers), said, at, taken_in)
            if reader.is_full:
                yield from reader.rows()
        yield from reader.rows()

    columns = ("tenant", "source", "changed_at", "ingested_at", "identifiers", "attributes")
    return map_rows(records.select(*columns), step, _COUNTED)


def added_up(frame: DataFrame) -> Counts:
    """Rows of what was counted, as one count of each place."""
    sums = (f.sum(name).alias(name) for name in ("accepted", "rejected"))
    newest = (f.max(name).alias(name) for name in ("newest", "taken_in"))
    width = len(Place._fields)
    place = f.row_number().over(Window.partitionBy(*Place._fields[:-1]).orderBy("name"))
    counted = frame.groupBy(*Place._fields).agg(*sums, *newest).withColumn("place", place)
    rows = counted.where(f.col("place") <= MOST_NAMES).drop("place").collect()
    return {Place(*row[:width]): Count(*row[width:]) for row in rows}
