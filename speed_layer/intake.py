"""Intake: from the messages of a batch to facts, by tenant.

Nearly all messages are plain events (`schemas.plain_event`), and most repeat the identifiers of another. So
these are read by columns: each check is one call over some hundred messages, and what identifiers mean
is looked up once for all events that carry the same. Messages among which something is not plain are
read one by one through `schemas.absorb`, as everywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from typing import Any, cast

from confluent_kafka import Message

from identity import Facts, Identifier, Observer, Rules
from identity.consent import Claims, claim
from identity.profile import Claim, Told, strongest
from identity.segments import counting
from schemas import EMAIL, WEB, DeadLetter, EmailEvent, Malformed, WebEvent, overlay
from schemas.absorb import absorb, accept, id_of
from schemas.claims import claimed, source_of, told
from schemas.ledger import Ledger
from schemas.plain_event import PlainEvents, PlainForm, micros
from schemas.single_object import MARKER
from schemas.stated import of_map, of_outcome, stated
from schemas.striking import struck
from speed_layer.changes import Where
from speed_layer.counting import Counting
from speed_layer.log import place
from speed_layer.meanings import Meanings, Met

# So many messages share their checks: more cost less, but one that is not plain has them all checked again.
TOGETHER = 200

# Messages among which one is not plain are tried again in so many parts, and so on. Fewer than so many are
# read one by one.
_PARTS = 8

# A message that said something, and its event's id.
Source = tuple[Message, str]


@dataclass(slots=True)
class Said:
    """What a batch says of one tenant.

    `sources` has the message that first brought an identifier, or last brought it together with others,
    `permits` what an identifier permits, `claims` what is claimed of it, by attribute.
    """

    facts: Facts = field(default_factory=Facts)
    sources: dict[Identifier, Source] = field(default_factory=dict)
    permits: dict[Identifier, Claims] = field(default_factory=dict)
    claims: dict[Identifier, dict[str, list[Claim]]] = field(default_factory=dict)

    def permit(self, identifiers: Iterable[Identifier], claims: Claims) -> None:
        """Add what each of these permits."""
        for x in identifiers:
            known = self.permits.setdefault(x, {})
            for about, statement in claims.items():
                claim(known, about, statement)

    def note(self, identifiers: Sequence[Identifier], source: Source) -> None:
        """Remember what brought these."""
        if len(identifiers) > 1:
            self.sources.update(dict.fromkeys(identifiers, source))
        elif identifiers:
            self.sources.setdefault(identifiers[0], source)

    def claim(self, owner: Identifier, told: Iterable[Told]) -> None:
        """Remember what is claimed of an identifier."""
        for name, one, fault in told:
            if fault is None:
                self.claims.setdefault(owner, {}).setdefault(name, []).append(one)

    def where(self, identifiers: Sequence[Identifier]) -> Where | None:
        """The last of the messages that brought any of these."""
        sources = self.sources
        found = [(*place(sources[x][0]), sources[x][1]) for x in identifiers if x in sources]
        return found[0] if len(found) == 1 else max(found, default=None)


@dataclass(slots=True)
class Batch:
    """What messages say: by tenant, the refused, the offsets after them, and the newest append time."""

    tenants: dict[str, Said] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    offsets: dict[bytes, int] = field(default_factory=dict)
    through: int = 0
    appended: list[int] = field(default_factory=list)  # append times of all messages
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)  # by topic and encoding

    def said_of(self, tenant: str) -> Said:
        """What is said of a tenant, to be added to."""
        said = self.tenants.get(tenant)
        if said is None:
            said = self.tenants[tenant] = Said()
        return said


class Intake:
    """Reads messages by one set of rules; what they say of who is erased in the `ledger` does not count."""

    def __init__(self, rules: Rules, ledger: Ledger | None = None) -> None:
        self._ledger = ledger
        self._rules = rules
        self._observer = Observer(rules)
        self._plain = {WEB: PlainForm(WebEvent), EMAIL: PlainForm(EmailEvent)}
        # An event without these attributes has no match keys: its identifiers alone say who it is about.
        self._matching = frozenset(path for rule in rules.match_keys for path in rule.made_from)
        self._counting = {WEB: Counting(rules, "web"), EMAIL: Counting(rules, "email")}
        self._meanings = Meanings(self._observer, ledger)

    def forget(self) -> None:
        """The ledger has grown."""
        self._meanings.forget()

    def read(self, messages: Sequence[Message]) -> Batch:
        """What these messages say."""
        batch = Batch()
        self._meanings.begin()
        met: defaultdict[str, list[Met]] = defaultdict(list)
        for start in range(0, len(messages), TOGETHER):
            some = messages[start : start + TOGETHER]
            topics = cast("set[str]", {message.topic() for message in some})
            for topic in topics:
                of_topic = some if len(topics) == 1 else [x for x in some if x.topic() == topic]
                for last in {message.partition(): message for message in of_topic}.values():
                    _, partition, offset = place(last)
                    batch.offsets[overlay.partition_field(topic, partition)] = offset + 1
                times = [message.timestamp()[1] * 1_000 for message in of_topic]
                batch.appended += times
                self._read(batch, met, topic, of_topic, times)
        batch.through = max(batch.appended, default=0)
        for tenant, all_met in met.items():
            _tell(batch.said_of(tenant), all_met)
        return batch

    def _read(
        self,
        batch: Batch,
        met: Mapping[str, list[Met]],
        topic: str,
        messages: Sequence[Message],
        times: list[int],
    ) -> None:
        """Add what messages of one topic say, the plain to `met`; `times` are when they were appended."""
        if self._by_columns(batch, met, topic, messages, times):
            return
        if len(messages) < _PARTS:
            for message, at in zip(messages, times, strict=True):
                self._carefully(batch, message, at)
        else:
            part = -(-len(messages) // _PARTS)
            for start in range(0, len(messages), part):
                end = start + part
                self._read(batch, met, topic, messages[start:end], times[start:end])

    def _by_columns(
        self,
        batch: Batch,
        met: Mapping[str, list[Met]],
        topic: str,
        messages: Sequence[Message],
        times: list[int],
    ) -> bool:
        """Add what messages of one topic say; False, and nothing added, if one is not plain.

        Who was met goes to `met`, the rest to `batch`.
        """
        form = self._plain.get(topic)
        plain = form and form.read([message.value() for message in messages], min(times))
        if not plain:
            return False
        mets = self._meanings.of(plain)
        if mets is None:
            return False
        if self._matching:
            alone = self._alone(batch, plain, messages, times)
            if not any(alone):
                return True
            if not all(alone):
                plain, mets = plain.only(alone), [*compress(mets, alone)]
                messages, times = [*compress(messages, alone)], [*compress(times, alone)]
        self._state(batch, topic, plain, mets, times)
        if self._rules.signs:
            self._sign(batch, topic, plain, mets)
        if self._rules.registers:
            self._claim(batch, topic, plain, mets, times)
        batch.accepted[topic, "json"] += len(messages)
        rows = zip(mets, plain.times, times, messages, plain.events, strict=True)
        meet = self._meanings.meet
        if len(plain.tenants) == 1:
            (tenant,) = plain.tenants
            met[tenant] += meet(rows)
        else:
            for row in rows:
                met[row[-1].tenant] += meet([row])
        return True

    def _alone(
        self, batch: Batch, plain: PlainEvents, messages: Sequence[Message], times: list[int]
    ) -> list[bool]:
        """Which of these make no match keys; the others are read one by one."""
        matching = self._matching
        alone = [not event.properties or matching.isdisjoint(event.properties) for event in plain.events]
        for message, at, is_alone in zip(messages, times, alone, strict=True):
            if not is_alone:
                self._carefully(batch, message, at)
        return alone

    def _state(
        self, batch: Batch, topic: str, plain: PlainEvents, mets: Sequence[Met], times: list[int]
    ) -> None:
        """Add what plain events say of permissions, as few of them do."""
        events: Sequence[Any] = plain.events
        consent = self._rules.consent
        speaking = (
            [i for i, event in enumerate(events) if event.consent]
            if topic == WEB
            else [i for i, event in enumerate(events) if event.outcome in consent]
        )
        for i in speaking:
            event, at = events[i], micros(plain.times[i])
            claims = (
                of_map(event.consent, at, event.site, event.event_id, times[i])
                if topic == WEB
                else of_outcome(event.outcome, at, event.event_id, self._rules, times[i])
            )
            said = batch.said_of(event.tenant)
            about = mets[i].identifiers
            said.permit(about, claims)
            self._observer.hear(said.facts, about, claims)

    def _sign(self, batch: Batch, topic: str, plain: PlainEvents, mets: Sequence[Met]) -> None:
        """Add what plain events say of stale identifiers."""
        events: Sequence[Any] = plain.events
        is_email = topic == EMAIL
        signs, stale = self._rules.signs, self._rules.stale
        kinds = [event.outcome for event in events] if is_email else [event.kind for event in events]
        for i in [i for i, kind in enumerate(kinds) if kind in signs]:
            about = [x for x in mets[i].identifiers if x[0] in stale]
            if about:
                facts = batch.said_of(events[i].tenant).facts
                self._observer.tell(facts, about, kinds[i], micros(plain.times[i]), may_fail=is_email)

    def _claim(
        self, batch: Batch, topic: str, plain: PlainEvents, mets: Sequence[Met], times: Sequence[int]
    ) -> None:
        """Add what plain events claim: what they tell of attributes, and what segments count."""
        kind = "email" if topic == EMAIL else "web"
        counting_ = self._counting[topic]
        counted = counting_.registers(plain.events) if counting_ else repeat([], len(plain.events))
        for i, (event, registers) in enumerate(zip(plain.events, counted, strict=True)):
            if not event.properties and not registers:
                continue
            owner = strongest(mets[i].identifiers, self._rules)
            if owner is None:
                continue
            at = micros(plain.times[i])
            said = batch.said_of(event.tenant)
            if event.properties:
                said.claim(owner, told(kind, event, self._rules, at, times[i]))
            else:
                said.claim(owner, counting(registers, source_of(kind, event), event.event_id, at, times[i]))

    def _carefully(self, batch: Batch, message: Message, at: int) -> None:
        topic, _, _ = place(message)
        value = message.value()
        assert not isinstance(value, str), "we ask for bytes"
        try:
            record = accept(topic, value, at)
            said = batch.said_of(record.tenant)
            tombstones = self._ledger.of(record.tenant) if self._ledger is not None else None
            about = absorb(record, self._observer, said.facts, at, tombstones)
            if claims := stated(record, self._rules, at):
                said.permit(about, claims)
        except Malformed as error:
            batch.refused.append(_dead_letter(message, at, str(error)))
            return
        batch.accepted[topic, "avro" if value is not None and value[:2] == MARKER else "json"] += 1
        said.note(about, (message, id_of(record)))
        # What it tells of those who were erased is nobody else's.
        owner, told = claimed(struck(record, at, self._observer, tombstones), about, self._rules, at)
        if owner is not None:
            said.claim(owner, told)


def _tell(said: Said, all_met: Iterable[Met]) -> None:
    """Add what events of one tenant say."""
    sources, note, add_sighting = said.sources, said.note, said.facts.add_sighting
    for met in all_met:
        identifiers, first, last = met.identifiers, met.first, met.last
        since = micros(first)
        add_sighting(identifiers, since, met.at, since if last is first else micros(last))
        message, met.message = met.message, None
        assert message is not None, "who was met was met by a message"
        if len(identifiers) == 1 and identifiers[0] in sources:
            continue  # as `note` would do
        note(identifiers, (message, met.event_id))


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
