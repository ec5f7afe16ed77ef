"""What has become of a customer's waits by now: which fire, which are kept, and when to look again."""

from typing import NamedTuple

from schemas import Cause
from speed_layer.triggers.model import Trigger, Triggers
from speed_layer.triggers.waiting import Wait, Waits


class Due(NamedTuple):
    """A trigger that fires, for what came true at a time (microseconds, event time)."""

    trigger: Trigger
    at: int
    cause: Cause


def settle(waits: Waits, triggers: Triggers, horizon: int) -> tuple[list[Due], Waits]:
    """What fires, and what is left to keep, where all is known that was taken in until `horizon`.

    What has fired is ended by itself, so that a cause which is met again does not begin it again. A wait is
    kept for as long as something could still come that it forbids; one whose trigger is gone is not.
    """
    due: list[Due] = []
    left: Waits = {}
    for name, wait in waits.items():
        trigger = triggers.get(name)
        if trigger is None or not trigger.kept:
            continue
        at = wait.begun + trigger.within
        if trigger.waits and wait.open and at <= horizon:
            if wait.cause is not None and at + trigger.max_age > horizon:
                due.append(Due(trigger, at, wait.cause))
            wait = wait.joined(Wait(ended=wait.begun))  # noqa: PLW2901
        if _forgotten_at(trigger, wait) > horizon:
            left[name] = wait
    return due, left


def look_again_at(waits: Waits, triggers: Triggers) -> int | None:
    """When `settle` would next say something else; None of waits that it would drop at once."""
    times = [
        wait.begun + triggers[name].within
        if wait.open and triggers[name].waits
        else _forgotten_at(triggers[name], wait)
        for name, wait in waits.items()
        if name in triggers
    ]
    return min(times, default=None)


def _forgotten_at(trigger: Trigger, wait: Wait) -> int:
    """From then on nothing that this wait forbids would fire any more: it would be too old."""
    return wait.newest + trigger.kept
