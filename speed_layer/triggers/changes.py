"""From changes of customers to steps and firings."""

import asyncio
import time
from collections.abc import Callable, Sequence

from schemas import CustomerChange, Malformed, decode
from speed_layer.triggers import steps
from speed_layer.triggers.conditions import Gained
from speed_layer.triggers.firing import fired
from speed_layer.triggers.model import Trigger, Triggers
from speed_layer.triggers.seams import Customers
from speed_layer.triggers.steps import Message, Outgoing
from speed_layer.triggers.waiting import NEVER


class Changes:
    """Routes changes of one tenant's customers."""

    def __init__(
        self,
        tenant: str,
        triggers: Triggers,
        customers: Customers,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._tenant = tenant
        self._triggers = [(t, t.when) for t in triggers.values() if isinstance(t.when, Gained)]
        self._customers = customers
        self._clock = clock

    async def outgoing(self, messages: Sequence[Message]) -> list[Outgoing]:
        """What changes ask for."""
        return [out for message in messages for out in await asyncio.to_thread(self._of, message)]

    def _of(self, message: Message) -> list[Outgoing]:
        try:
            change = decode(message.topic, message.value, message.ingested_at)
        except Malformed:
            return []  # of a newer release; the topic carries nothing of strangers
        assert isinstance(change, CustomerChange), "the topic carries nothing else"
        if change.tenant != self._tenant:
            return []
        out: list[Outgoing] = []
        if change.kind == "merged":
            # Whoever is gone among these has left waits behind, and they are the survivor's.
            out += [steps.step(previous, steps.Look(NEVER)) for previous in change.previous]
        out += [self._fired(trigger, change) for trigger in self._met(change)]
        return out

    def _met(self, change: CustomerChange) -> list[Trigger]:
        now = self._clock()
        asking = [
            (trigger, gained)
            for trigger, gained in self._triggers
            if gained.may_be_met(change) and change.at + trigger.max_age > now
        ]
        customer = self._customers.current(change.customer_id) if asking else None
        if customer is None:
            return []
        return [trigger for trigger, gained in asking if gained.met(change, customer.members)]

    def _fired(self, trigger: Trigger, change: CustomerChange) -> Outgoing:
        assert change.cause is not None, "a condition on changes is not met without"
        return steps.due(fired(self._tenant, trigger, change.customer_id, change.at, change.cause))
