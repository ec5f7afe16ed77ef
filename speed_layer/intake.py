"""Intake: from the messages of a batch to facts, by tenant.

What `identifiers` of a plain event mean is remembered by their bytes: most events repeat what came a
moment ago, and then cost little more than a look into that memory. All other messages go through
`schemas.absorb`, as everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Message

from identity import Facts, Identifier, Observer, Rules
from schemas import EMAIL, WEB, DeadLetter, EmailEvent, Malformed, WebEvent, overlay
from schemas.absorb import absorb, accept
from schemas.events import Decision
from schemas.plain_event import PlainForm
from speed_layer.changes import Where
from speed_layer.log import place

# How many meanings are remembered; about 100 MB of them. When there are more, all are forgotten.
_REMEMBERED = 1 << 18


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

    def add(
        self, identifiers: Sequence[Identifier], occurred_at: int, ingested_at: int, source: Source
    ) -> None:
        """One event, if it brings an identifier for the first time, or several together."""
        self.facts.add_sighting(identifiers, occurred_at, ingested_at)
        for x in identifiers:
            self.sources[x] = source

    def where(self, identifiers: Sequence[Identifier]) -> Where | None:
        """The last of the messages that brought any of these."""
        found = [self.sources[x] for x in identifiers if x in self.sources]
        if not found:
            return None
        return max((*place(message), event_id) for message, event_id in found)


@dataclass(slots=True)
class Batch:
    """What messages say: by tenant, the refused, the offsets after them, and the newest append time."""

    tenants: dict[str, Said] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    offsets: dict[bytes, int] = field(default_factory=dict)
    through: int = 0


class Intake:
    """Reads messages by one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._observer = Observer(rules)
        # Without properties there are no match keys, so these depend on nothing but the identifiers.
        self._plain = {WEB: PlainForm(WebEvent), EMAIL: PlainForm(EmailEvent)}
        self._known: dict[bytes, tuple[Identifier, ...]] = {}

    def read(self, messages: Sequence[Message]) -> Batch:
        """What these messages say."""
        batch = Batch()
        ends: dict[tuple[str, int], int] = {}
        plain, known, tenants, through = self._plain, self._known, batch.tenants, 0
        for message in messages:
            topic: str = message.topic()  # type: ignore[assignment]
            payload: bytes | None = message.value()
            at = message.timestamp()[1] * 1_000
            ends[topic, message.partition()] = message.offset()  # type: ignore[index, assignment]
            if at > through:  # noqa: PLR1730 - a call for each message
                through = at
            form = plain.get(topic)
            event = form.read(payload, at) if form is not None and payload is not None else None
            if event is None or (identifiers := known.get(event.identifiers)) is None:
                self._carefully(batch, message, event and event.identifiers)
                continue
            said = tenants.get(event.tenant)
            if said is None:
                said = tenants[event.tenant] = Said()
            if len(identifiers) == 1 and identifiers[0] in said.sources:
                said.facts.add_sighting(identifiers, event.occurred_at, at)
            else:
                said.add(identifiers, event.occurred_at, at, Source(message, event.event_id))
        batch.through = through
        batch.offsets = {overlay.partition_field(*end): offset + 1 for end, offset in ends.items()}
        return batch

    def _carefully(self, batch: Batch, message: Message, identifiers: bytes | None) -> None:
        """Any message; of a plain one, remember what its `identifiers` mean."""
        topic, _, _ = place(message)
        at = message.timestamp()[1] * 1_000
        value = message.value()
        try:
            record = accept(topic, value, at)
            said = batch.tenants.setdefault(record.tenant, Said())
            about = absorb(record, self._observer, said.facts, at)
        except Malformed as error:
            batch.refused.append(_dead_letter(message, at, str(error)))
            return
        event_id = record.decision_id if isinstance(record, Decision) else record.event_id
        source = Source(message, event_id)
        if len(about) != 1 or about[0] not in said.sources:
            for x in about:
                said.sources[x] = source
        if identifiers is not None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[identifiers] = tuple(about)


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
