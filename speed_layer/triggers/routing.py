"""From an event to what is to be done about it, once it is known whose it is."""

from typing import NamedTuple

from schemas import Cause, Event
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.settling import Due
from speed_layer.triggers.waiting import Wait, Waits


class Routed(NamedTuple):
    """What fires at once, and what the waits of the customer are joined with."""

    due: list[Due]
    waits: Waits


def route(event: Event, cause: Cause, triggers: Triggers, now: int) -> Routed | None:
    """What an event asks for at `now` (microseconds); None of one that no trigger is about, as most are.

    `cause` is the event, and where it lies in the log.
    """
    due, waits = [], {}
    at = event.occurred_at
    for name, trigger in triggers.items():
        begins, ends = trigger.begins(event), trigger.ends(event)
        if trigger.waits and (begins or ends):
            waits[name] = (
                Wait(at, cause, at) if begins and ends else Wait(at, cause) if begins else Wait(ended=at)
            )
        elif begins and at + trigger.max_age > now:
            due.append(Due(trigger, at, cause))
    return Routed(due, waits) if due or waits else None
