"""Intake: from the messages of a batch to facts, by tenant.

Nearly all messages are plain events (`schemas.plain_event`), and most repeat the identifiers of another. So
these are read by columns: each check is one call over some hundred messages, and what identifiers mean
is looked up once for all events that carry the same. Messages among which something is not plain are
read one by one through `schemas.absorb`, as everywhere.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, NamedTuple

from confluent_kafka import Message

from identity import Facts, Identifier, Observer, Rules, UnknownTypeError
from schemas import EMAIL, WEB, DeadLetter, EmailEvent, Malformed, WebEvent, overlay
from schemas.absorb import absorb, accept
from schemas.events import Decision
from schemas.plain_event import PlainForm, micros, plain_identifiers
from schemas.single_object import MARKER
from speed_layer.changes import Where
from speed_layer.log import place

# So many messages share their checks: more cost less, but one that is not plain costs them all.
TOGETHER = 200

# How many meanings are remembered; about 100 MB of them. When there are more, all are forgotten.
_REMEMBERED = 1 << 18


_topic, _partition, _offset = methodcaller("topic"), methodcaller("partition"), methodcaller("offset")
_value, _timestamp = methodcaller("value"), methodcaller("timestamp")

# Of events with the same identifiers: first and last time, first append time, and one of them.
Met = list[Any]


class Source(NamedTuple):
    """The message that said something, and its event's id."""

    message: Message
    event_id: str


@dataclass(slots=True)
class Said:
    """What a batch says of one tenant.

    `sources` has the message that first brought an identifier, or last brought it together with others.
    """

    facts: Facts = field(default_factory=Facts)
    sources: dict[Identifier, Source] = field(default_factory=dict)

    def note(self, identifiers: Sequence[Identifier], source: Source) -> None:
        """Remember what brought these."""
        if len(identifiers) > 1:
            self.sources.update(dict.fromkeys(identifiers, source))
        elif identifiers:
            self.sources.setdefault(identifiers[0], source)

    def where(self, identifiers: Sequence[Identifier]) -> Where | None:
        """The last of the messages that brought any of these."""
        found = [self.sources[x] for x in identifiers if x in self.sources]
        return max(((*place(message), event_id) for message, event_id in found), default=None)


@dataclass(slots=True)
class Batch:
    """What messages say: by tenant, the refused, the offsets after them, and the newest append time."""

    tenants: dict[str, Said] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    offsets: dict[bytes, int] = field(default_factory=dict)
    through: int = 0
    appended: list[int] = field(default_factory=list)  # append times of all messages
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)  # by topic and encoding


class Intake:
    """Reads messages by one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._observer = Observer(rules)
        self._plain = {WEB: PlainForm(WebEvent), EMAIL: PlainForm(EmailEvent)}
        # A plain event has no properties, hence no match keys: its identifiers alone say who it is about.
        self._known: dict[bytes, tuple[Identifier, ...]] = {}

    def read(self, messages: Sequence[Message]) -> Batch:
        """What these messages say."""
        batch = Batch()
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        met: dict[tuple[str, bytes], Met] = {}
        for topic in {*map(_topic, messages)}:
            of_topic = [message for message in messages if message.topic() == topic]
            for start in range(0, len(of_topic), TOGETHER):
                some = of_topic[start : start + TOGETHER]
                times = [at * 1_000 for _, at in map(_timestamp, some)]
                batch.through = max(batch.through, *times)
                batch.appended += times
                offsets = dict(zip(map(_partition, some), map(_offset, some), strict=True))
                batch.offsets |= {
                    overlay.partition_field(topic, partition): offset + 1
                    for partition, offset in offsets.items()
                }
                if self._by_columns(met, topic, some, times):
                    batch.accepted[topic, "json"] += len(some)
                else:
                    for message, at in zip(some, times, strict=True):
                        self._carefully(batch, message, at)
        for (tenant, raw), (first, last, at, source) in met.items():
            said = batch.tenants.setdefault(tenant, Said())
            identifiers = self._known[raw]
            since = micros(first)
            said.facts.add_sighting(
                identifiers, since, at, until=micros(last) if last is not first else since
            )
            said.note(identifiers, source)
        return batch

    def _by_columns(
        self, met: dict[tuple[str, bytes], Met], topic: str, messages: Sequence[Message], times: list[int]
    ) -> bool:
        """Add what messages of one topic say to `met`; False, and nothing added, if one is not plain."""
        form = self._plain.get(topic)
        events = form and form.read([*map(_value, messages)], min(times))
        if not events:
            return False
        if not all(raw in self._known or self._understand(raw) for raw in events.identifiers):
            return False
        keys = zip(events.tenants, events.identifiers, strict=True)
        for key, time, at, message, event_id in zip(
            keys, events.times, times, messages, events.event_ids, strict=True
        ):
            known = met.get(key)
            if known is None:
                met[key] = [time, time, at, Source(message, event_id)]
                continue
            if time > known[1]:
                known[1] = time
            elif time < known[0]:
                known[0] = time
            known[2] = min(known[2], at)
        return True

    def _understand(self, raw: bytes) -> bool:
        """Remember which identifiers count of a plain event's; False where one is at fault."""
        values = plain_identifiers(raw)
        if values is None:
            return False
        try:
            screened = self._observer.screened(values)
        except UnknownTypeError:
            return False
        self._known[raw] = tuple(x for x, fault in screened if fault is None)
        return True

    def _carefully(self, batch: Batch, message: Message, at: int) -> None:
        topic, _, _ = place(message)
        value = message.value()
        assert not isinstance(value, str), "we ask for bytes"
        try:
            record = accept(topic, value, at)
            said = batch.tenants.setdefault(record.tenant, Said())
            about = absorb(record, self._observer, said.facts, at)
        except Malformed as error:
            batch.refused.append(_dead_letter(message, at, str(error)))
            return
        batch.accepted[topic, "avro" if value is not None and value[:2] == MARKER else "json"] += 1
        event_id = record.decision_id if isinstance(record, Decision) else record.event_id
        said.note(about, Source(message, event_id))


def _dead_letter(message: Message, at: int, reason: str) -> DeadLetter:
    topic, partition, offset = place(message)
    value, key = message.value(), message.key()
    assert not isinstance(key, str) and not isinstance(value, str), "we ask for bytes"  # noqa: PT018
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        ingested_at=at,
        value=value or b"",
        key=key,
        reason=reason,
    )
