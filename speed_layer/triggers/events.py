"""From web and email events to steps and firings of their customers."""

import asyncio
import time
from collections.abc import Callable, Sequence

from schemas import Cause, Event, Malformed, decode
from speed_layer.triggers import steps
from speed_layer.triggers.firing import fired
from speed_layer.triggers.following import Following
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.routing import Routed, route
from speed_layer.triggers.seams import Customers
from speed_layer.triggers.steps import Message, Outgoing


class Events:
    """Routes batches of events of one tenant, each when the view knows whose it is."""

    def __init__(
        self,
        tenant: str,
        triggers: Triggers,
        customers: Customers,
        following: Following,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._tenant = tenant
        self._triggers = triggers
        self._customers = customers
        self._following = following
        self._clock = clock

    async def outgoing(self, messages: Sequence[Message]) -> list[Outgoing]:
        """What a batch asks for. What is no event is left to the speed layer's worker, which says so."""
        routed = [found for message in messages if (found := self._routed(message)) is not None]
        if not routed:
            return []
        # In the order of the log, so the last offset of a partition is its highest.
        await self._following.applied({(m.topic, m.partition): m.offset for m, _, _ in routed})
        owners = await asyncio.to_thread(self._customers.of, [event.identifiers for _, event, _ in routed])
        return [
            out
            for owner, (_, _, found) in zip(owners, routed, strict=True)
            if owner is not None
            for out in self._of(owner, found)
        ]

    def _routed(self, message: Message) -> tuple[Message, Event, Routed] | None:
        try:
            event = decode(message.topic, message.value, message.ingested_at)
        except Malformed:
            return None
        assert isinstance(event, Event), "these topics carry nothing else"
        if event.tenant != self._tenant:
            return None
        cause = Cause(
            topic=message.topic, partition=message.partition, offset=message.offset, event_id=event.event_id
        )
        found = route(event, cause, self._triggers, self._clock())
        return None if found is None else (message, event, found)

    def _of(self, owner: str, found: Routed) -> list[Outgoing]:
        out = [steps.due(fired(self._tenant, due.trigger, owner, due.at, due.cause)) for due in found.due]
        if found.waits:
            out.append(steps.step(owner, steps.Join(found.waits)))
        return out
