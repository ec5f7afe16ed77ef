"""Telling of a trigger: consent is asked for at each try, tries are bounded, and what fails is kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from schemas import CustomerTrigger, encode_json
from speed_layer.triggers.model import Trigger, Triggers
from speed_layer.triggers.patience import patiently
from speed_layer.triggers.seams import Customers, Permissions
from speed_layer.triggers.webhook import NotTaken, Webhook

log = logging.getLogger(__name__)

# How often a webhook is tried, and the seconds between: doubling from the first to the second.
TRIES = 7
BACKOFF_S = (0.5, 30.0)


class Undelivered(Exception):
    """What no further try would bring home; the text says what to fix, for the dead letter."""


class Delivery:
    """Delivers what has fired; `publish` puts it on the topic of triggers, and returns when it is there."""

    def __init__(
        self,
        triggers: Triggers,
        customers: Customers,
        permissions: Permissions,
        webhook: Webhook | None,
        publish: Callable[[CustomerTrigger], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._triggers = triggers
        self._customers = customers
        self._permissions = permissions
        self._webhook = webhook
        self._publish = publish
        self._sleep = sleep

    async def deliver(self, fired: CustomerTrigger) -> bool:
        """Deliver it, unless it may not be sent: then False. Raises Undelivered."""
        trigger = self._triggers.get(fired.trigger)
        if trigger is None:
            raise Undelivered(f"no trigger is named {fired.trigger}: name one so again, or let this rest")
        for wait in (*_waits(), None):
            if not await patiently(partial(asyncio.to_thread, self._may_send, trigger, fired)):
                log.info("%s: not sent, for it is not permitted, or there is no such customer", trigger.name)
                return False
            try:
                await self._send(trigger, fired)
            except NotTaken as error:
                host = urlsplit(trigger.webhook or "").hostname
                log.warning("%s: %s did not take it: %s", trigger.name, host, error)
                if error.for_good or wait is None:
                    tries = "" if error.for_good else f", {TRIES} times"
                    raise Undelivered(
                        f"webhook of {trigger.name} on {host}: {error}{tries}: mend the receiver, then replay"
                    ) from None
                await self._sleep(wait)
            else:
                return True
        raise AssertionError("the last try returns or raises")

    def _may_send(self, trigger: Trigger, fired: CustomerTrigger) -> bool:
        if self._customers.current(fired.customer_id) is None:
            return False  # erased meanwhile
        if not trigger.purpose:
            return True
        return self._permissions.may_send(fired.tenant, fired.customer_id, trigger.purpose, trigger.channel)

    async def _send(self, trigger: Trigger, fired: CustomerTrigger) -> None:
        if trigger.webhook is None:
            await patiently(partial(self._publish, fired))
            return
        assert self._webhook is not None, "who wires us sees to it that there is a key"
        await self._webhook.post(trigger.webhook, fired.trigger_id, encode_json(fired))


def _waits() -> list[float]:
    first, most = BACKOFF_S
    return [min(first * 2**i, most) for i in range(TRIES - 1)]
