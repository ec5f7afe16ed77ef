"""From what may bring a customer into a segment, or out of it, to a step that looks."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from identity import Rules
from identity.segments import counted, segments
from schemas import Cause, Consent, CustomerChange, EmailEvent, Malformed, WebEvent, decode
from schemas.absorb import id_of
from schemas.events import kind_of
from schemas.stated import stated
from speed_layer.triggers import steps
from speed_layer.triggers.conditions import Crossed
from speed_layer.triggers.following import Following
from speed_layer.triggers.model import Trigger, Triggers
from speed_layer.triggers.seams import Customers, Memberships
from speed_layer.triggers.steps import Judge, Message, Outgoing

log = logging.getLogger(__name__)

# Those whom a record is about: identifiers by type, which are one customer's.
_Whom = Mapping[str, Sequence[str]]

_Said = WebEvent | EmailEvent | Consent


class Joining:
    """Routes events, consents and changes of one tenant's customers where a trigger asks for a segment."""

    def __init__(
        self,
        tenant: str,
        triggers: Triggers,
        customers: Customers,
        memberships: Memberships,
        following: Following,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._tenant = tenant
        self._triggers = [trigger for trigger in triggers.values() if isinstance(trigger.when, Crossed)]
        self._customers = customers
        self._memberships = memberships
        self._following = following
        self._clock = clock
        self._judged: tuple[str, Rules, bool] | None = None

    def __bool__(self) -> bool:
        return bool(self._triggers)

    async def outgoing(self, messages: Sequence[Message]) -> list[Outgoing]:
        """Whom to look at after a batch of events or consents, once the view knows what they say."""
        now = self._clock()
        said = [found for message in messages if (found := self._said(message, now)) is not None]
        if not said:
            return []
        await self._following.applied({(m.topic, m.partition): m.offset for m, _ in said})
        rules, _ = await asyncio.to_thread(self._in_force)
        asked = [(m, record, whom) for m, record in said for whom in _about(record, rules)]
        owners = await asyncio.to_thread(self._customers.of, [whom for *_, whom in asked])
        judged = {
            (owner, _cause(m, id_of(record))): _time(record)
            for owner, (m, record, _) in zip(owners, asked, strict=True)
            if owner is not None
        }
        return [steps.step(owner, Judge(at, cause, now)) for (owner, cause), at in judged.items()]

    async def changed(self, messages: Sequence[Message]) -> list[Outgoing]:
        """Whom to look at after changes of customers: those that gained identifiers, or lost some."""
        now = self._clock()
        changes = [found for message in messages if (found := self._change(message, now)) is not None]
        if not changes:
            return []
        _, newcomers = await asyncio.to_thread(self._in_force)
        return [
            steps.step(customer_id, Judge(change.at, change.cause, now))
            for change in changes
            if change.cause is not None and (newcomers or change.kind != "created")
            for customer_id in (change.customer_id, *change.previous)
        ]

    def _said(self, message: Message, now: int) -> tuple[Message, _Said] | None:
        record = _decoded(message) if self._triggers else None
        if not isinstance(record, _Said) or record.tenant != self._tenant:
            return None
        return (message, record) if self._is_young(_time(record), now) else None

    def _change(self, message: Message, now: int) -> CustomerChange | None:
        record = _decoded(message) if self._triggers else None
        if not isinstance(record, CustomerChange) or record.tenant != self._tenant:
            return None
        return record if self._is_young(record.at, now) and record.kind != "erased" else None

    def _is_young(self, at: int, now: int) -> bool:
        return any(at + trigger.max_age > now for trigger in self._triggers)

    def _in_force(self) -> tuple[Rules, bool]:
        """The rules in force, and whether somebody of whom nothing is known is in a segment that counts."""
        rules = self._memberships.rules()
        if self._judged is None or self._judged[0] != rules.fingerprint:
            for trigger in self._triggers:
                if _segment(trigger) not in rules.segments:
                    log.warning("%s: the rules in force have no segment %s", trigger.name, _segment(trigger))
            unknown = segments(rules, {}, [], None)
            newcomers = any(_segment(trigger) in unknown for trigger in self._triggers)
            self._judged = rules.fingerprint, rules, newcomers
        return self._judged[1:]


def _about(record: _Said, rules: Rules) -> Iterator[_Whom]:
    """Those whose segments may be others after a record."""
    if not isinstance(record, Consent) and (
        any(name in rules.profile for name in record.properties) or counted(rules, kind_of(record), record)
    ):
        yield record.identifiers
    # What is permitted counts for every identifier, and these may be several customers'.
    if rules.asks_consent and stated(record, rules, 0):
        for type_, values in record.identifiers.items():
            yield from ({type_: [value]} for value in values)


def _decoded(message: Message) -> object:
    try:
        return decode(message.topic, message.value, message.ingested_at)
    except Malformed:
        return None  # the speed layer's worker says so


def _cause(message: Message, event_id: str) -> Cause:
    return Cause(topic=message.topic, partition=message.partition, offset=message.offset, event_id=event_id)


def _time(record: _Said) -> int:
    return record.stated_at if isinstance(record, Consent) else record.occurred_at


def _segment(trigger: Trigger) -> str:
    assert isinstance(trigger.when, Crossed), "no others are asked"
    return trigger.when.segment
