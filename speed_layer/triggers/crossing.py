"""Who came into a segment, and who left one: membership as it is, against what was known of it before.

Known before is what was found here last; or what the generation says, once it holds what that was found by
and says something else. Whoever was turned by a generation itself, for a slow source or as time passed, is
looked at with the one before it in its place: so what had been found meanwhile is not told again.
"""

from speed_layer.triggers.conditions import Crossed
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.seams import Membership
from speed_layer.triggers.settling import Due
from speed_layer.triggers.steps import Judge, Told
from speed_layer.triggers.waiting import Wait, Waits


def crossed(
    waits: Waits, triggers: Triggers, membership: Membership, step: Judge | Told
) -> tuple[list[Due], Waits]:
    """What fires for a customer of such a membership, and all waits that are left.

    A wait that is open says that the trigger's condition was met last, so the same found twice fires once.
    """
    due: list[Due] = []
    left = dict(waits)
    for name, trigger in triggers.items():
        if not isinstance(trigger.when, Crossed):
            continue
        wait = left.pop(name, None)
        known = trigger.when.met(membership.published)
        if wait is not None and wait.open != known and _is_published(wait, membership):
            wait = None
        elif wait is not None:
            known = wait.open
        met = trigger.when.met(membership.now)
        if met != known:
            wait = _turned(wait or Wait(), step, opens=met)
            if met and step.at + trigger.max_age > step.now:
                due.append(Due(trigger, step.at, step.cause))
        if wait is not None:
            left[name] = wait
    return due, left


def _turned(wait: Wait, step: Judge | Told, *, opens: bool) -> Wait:
    """The wait after a turn. What was found later counts, also where it was said of an earlier time."""
    at = max(step.at, wait.newest + 1)
    return Wait(at, step.cause, wait.ended) if opens else Wait(wait.begun, step.cause, at)


def _is_published(wait: Wait, membership: Membership) -> bool:
    """Whether the generation holds what a wait was turned by."""
    cause = wait.cause
    return cause is None or cause.offset < membership.offsets.get(cause.topic, {}).get(cause.partition, 0)
