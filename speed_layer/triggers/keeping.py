"""What becomes of a customer's waits at a step."""

import asyncio

from speed_layer.triggers import steps
from speed_layer.triggers.crossing import crossed
from speed_layer.triggers.firing import fired
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.seams import Customers, Memberships
from speed_layer.triggers.settling import settle
from speed_layer.triggers.steps import Join, Judge, Outgoing, Step, Told
from speed_layer.triggers.waiting import Waits, joined


class Keeping:
    """Decides; who keeps the waits sends what goes out first, and then keeps what is left."""

    def __init__(
        self, tenant: str, triggers: Triggers, customers: Customers, memberships: Memberships
    ) -> None:
        self._tenant = tenant
        self._triggers = triggers
        self._customers = customers
        self._memberships = memberships

    async def taken(self, customer_id: str, waits: Waits, step: Step) -> tuple[list[Outgoing], Waits]:
        """What a step lets out, and the waits that are left."""
        if isinstance(step, Join):
            return [], joined(waits, step.waits)
        if not waits and not isinstance(step, Judge | Told):
            return [], waits
        customer = await asyncio.to_thread(self._customers.current, customer_id)
        if customer is None:
            return [], {}  # erased
        if customer.id != customer_id:
            moved = [steps.step(customer.id, Join(waits))] if waits else []
            return moved + ([steps.step(customer.id, step)] if isinstance(step, Judge) else []), {}
        if isinstance(step, Judge | Told):
            membership = await asyncio.to_thread(self._memberships.of, customer)
            if isinstance(step, Told):
                membership = membership._replace(published=step.was, offsets=step.offsets)
            due, left = crossed(waits, self._triggers, membership, step)
        else:
            due, left = settle(waits, self._triggers, step.horizon)
        return [steps.due(fired(self._tenant, d.trigger, customer_id, d.at, d.cause)) for d in due], left
