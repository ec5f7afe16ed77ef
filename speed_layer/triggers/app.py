"""The Faust app: agents that hand on what comes in, and acknowledge it once what goes out has arrived.

    web.events, email.events ── events ──┬── steps ── keep (table) ──┐
    customer.changes ────────── changes ─┼───────────────────────────┴── customer.triggers.due ── deliver
    customer.consents ───────── consents ┤   (where a trigger asks for a segment)
    generations ─────────────── turns ───┘   (likewise)

How messages are read and acknowledged is `reading`'s, and what is committed is `consuming`'s.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from schemas import (
    CHANGES,
    CONSENTS,
    DEAD_LETTERS,
    EMAIL,
    TOPICS,
    TRIGGERS,
    TRIGGERS_DUE,
    WEB,
    CustomerTrigger,
    DeadLetter,
    Malformed,
    decode,
    encode,
)
from speed_layer.triggers import consuming, waiting
from speed_layer.triggers.changes import Changes
from speed_layer.triggers.deadlines import Deadlines
from speed_layer.triggers.delivery import Delivery, Undelivered
from speed_layer.triggers.events import Events
from speed_layer.triggers.horizon import Horizon
from speed_layer.triggers.joining import Joining
from speed_layer.triggers.keeping import Keeping
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.patience import patiently
from speed_layer.triggers.reading import Stream, in_batches, one_by_one
from speed_layer.triggers.settling import look_again_at
from speed_layer.triggers.steps import Look, Message, Outgoing, step, unpack_step
from speed_layer.triggers.turning import Turning

FAUST: Mapping[str, Any] = {
    "store": "memory://",
    "key_serializer": "raw",
    "value_serializer": "raw",
    "consumer_auto_offset_reset": "earliest",
    "broker_session_timeout": 6,
    "broker_heartbeat_interval": 1.5,
    "broker_commit_interval": 1.0,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "table_standby_replicas": 0,
    "web_enabled": False,
}

# Partitions of the steps and of the table: as many workers can share the work.
PARTITIONS = 4

# Messages that are handled together, at most: those that came while the ones before were handled.
TOGETHER = 500

# Deliveries at a time: one that is tried again and again holds up those behind it, and not its neighbours.
DELIVERIES = 50

# Seconds between two looks at the horizon and at what is due.
SWEEP_S = 1.0


log = logging.getLogger(__name__)

_TABLE = "waits"

# From messages to what they ask for.
_Way = Callable[[Sequence[Message]], Awaitable[list[Outgoing]]]


class App:
    """All agents of one tenant's triggers; `delivery` is given the way to the topic of triggers.

    `options` are Faust's own: where the broker is, and how it knows us.
    """

    def __init__(
        self,
        tenant: str,
        triggers: Triggers,
        events: Events,
        changes: Changes,
        joining: Joining,
        keeping: Keeping,
        turning: Turning,
        horizon: Horizon,
        delivery: Callable[[Callable[[CustomerTrigger], Any]], Delivery],
        options: Mapping[str, Any],
    ) -> None:
        name = group(tenant)
        self._tenant = tenant
        self._triggers = triggers
        self._changes = changes
        self._events = events
        self._joining = joining
        self._keeping = keeping
        self._turning = turning
        self._horizon = horizon
        self._delivery = delivery(self._publish)
        self._deadlines = Deadlines()
        self.faust = app = consuming.App(name, **FAUST, **options)
        self._steps = app.topic(f"{name}-steps", internal=True, partitions=PARTITIONS)
        self._due = self._topic(TRIGGERS_DUE)
        self._out = {"steps": self._steps, "due": self._due}
        self._delivered = self._topic(TRIGGERS)
        self._dead = self._topic(DEAD_LETTERS)
        self._table = app.Table(
            _TABLE,
            partitions=PARTITIONS,
            key_type=bytes,
            value_type=bytes,
            on_recover=self._recovered,
        )
        app.agent(self._topic(WEB, EMAIL), name="events")(self._take_events)
        app.agent(self._topic(CHANGES), name="changes")(self._take_changes)
        if joining:
            app.agent(self._topic(CONSENTS), name="consents")(self._take_consents)
        app.agent(self._steps, name="keep")(self._keep)
        app.agent(self._due, name="deliver")(self._deliver)
        app.task(self._sweeps)
        if turning:
            app.task(self._turns)

    def _topic(self, *names: str) -> Any:  # noqa: ANN401 - Faust is typed by halves
        partitions = {TOPICS[name].partitions for name in names}
        return self.faust.topic(*names, key_type=bytes, value_type=bytes, partitions=partitions.pop())

    async def _take_events(self, stream: Stream) -> None:
        ways = (self._events.outgoing, self._joining.outgoing)
        await in_batches(stream, TOGETHER, partial(self._route, ways))

    async def _take_changes(self, stream: Stream) -> None:
        ways = (self._changes.outgoing, self._joining.changed)
        await in_batches(stream, TOGETHER, partial(self._route, ways))

    async def _take_consents(self, stream: Stream) -> None:
        await in_batches(stream, TOGETHER, partial(self._route, (self._joining.outgoing,)))

    async def _route(self, ways: Sequence[_Way], messages: Sequence[Message]) -> None:
        for way in ways:
            await self._send(await way(messages))

    async def _keep(self, stream: Stream) -> None:
        await one_by_one(stream, self._step)

    async def _step(self, message: Message) -> None:
        assert message.key is not None, "steps are keyed by customers"
        key = message.key
        before = waiting.unpack(self._table[key]) if key in self._table else {}
        out, after = await self._keeping.taken(key.decode(), before, unpack_step(message.value))
        await self._send(out)
        if after:
            if after != before:
                self._table[key] = waiting.pack(after)
        elif key in self._table:
            del self._table[key]
        self._deadlines.set(key, look_again_at(after, self._triggers))

    async def _deliver(self, stream: Stream) -> None:
        await in_batches(stream, DELIVERIES, self._deliver_all)

    async def _deliver_all(self, messages: Sequence[Message]) -> None:
        await asyncio.gather(*[self._deliver_one(message) for message in messages])

    async def _deliver_one(self, message: Message) -> None:
        try:
            fired = decode(message.topic, message.value, message.ingested_at)
            assert isinstance(fired, CustomerTrigger), "the topic carries nothing else"
            if fired.tenant == self._tenant:
                await self._delivery.deliver(fired)
        except (Malformed, Undelivered) as error:
            await patiently(partial(self._bury, message, str(error)))

    async def _bury(self, message: Message, reason: str) -> None:
        letter = DeadLetter(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            ingested_at=message.ingested_at,
            value=message.value,
            key=message.key,
            reason=reason,
        )
        key = f"{message.topic}:{message.partition}:{message.offset}".encode()
        await (await self._dead.send(key=key, value=encode(letter)))

    async def _publish(self, fired: CustomerTrigger) -> None:
        await (await self._delivered.send(key=fired.customer_id.encode(), value=encode(fired)))

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        """Return when the broker has them all."""
        sent = [await self._out[out.to].send(key=out.key, value=out.value) for out in messages]
        for arrived in sent:
            await arrived

    async def _sweeps(self) -> None:
        while not self.faust.should_stop:
            await self._sweep()
            await self.faust.sleep(SWEEP_S)

    async def _sweep(self) -> None:
        """Have those looked at whose time has come; the step goes behind all that was routed before."""
        horizon = await patiently(partial(asyncio.to_thread, self._horizon.look))
        if horizon is None:
            return
        due = [step(key.decode(), Look(horizon)) for key in self._deadlines.due(horizon)]
        await patiently(partial(self._send, due))

    async def _turns(self) -> None:
        while not self.faust.should_stop:
            await self._turn()
            await self.faust.sleep(SWEEP_S)

    async def _turn(self) -> None:
        """Have those looked at whom a generation changed that readers have come to."""
        reached, out = await patiently(partial(asyncio.to_thread, self._turning.look))
        for start in range(0, len(out), TOGETHER):
            await patiently(partial(self._send, out[start : start + TOGETHER]))
        self._turning.done(reached)

    async def _recovered(self) -> None:
        log.info("%d customers wait for something; following the log", len(self._table))
        for key, waits in self._table.items():
            self._deadlines.set(key, look_again_at(waiting.unpack(waits), self._triggers))


def own_topics(tenant: str) -> dict[str, dict[str, str]]:
    """The topics that only this app knows, each of `PARTITIONS`, and their settings in the broker's terms."""
    name = group(tenant)
    return {f"{name}-steps": {}, f"{name}-{_TABLE}-changelog": {"cleanup.policy": "compact"}}


def group(tenant: str) -> str:
    """The app's consumer group, and what its own topics begin with."""
    return f"ucid-triggers-{tenant}"
