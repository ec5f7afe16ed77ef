"""Triggers, as values; `speed_layer.triggers.definition` reads them from YAML."""

from collections.abc import Mapping
from dataclasses import dataclass

from identity.conditions import Said
from identity.notation import DAY
from schemas import Event
from schemas.events import kind_of
from speed_layer.triggers.conditions import Crossed, Gained

# How late a trigger may fire by default, in microseconds: later, nobody would want it.
MAX_AGE = DAY

# How long it is kept, at least, who came into a segment or left it: by then a generation says so.
MEMBERSHIP_KEPT = 7 * DAY


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger. Times are in microseconds; `within` is 0 for one that fires at once.

    It fires for what happened up to `max_age` ago. With a `purpose` it is sent only if the customer permits
    that purpose over its `channel`; without a `webhook` it goes to the topic.
    """

    name: str
    when: tuple[Said, ...] | Gained | Crossed
    unless: tuple[Said, ...] = ()
    within: int = 0
    max_age: int = MAX_AGE
    purpose: str = ""
    channel: str = ""
    webhook: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it fires for what did not happen within a time."""
        return self.within > 0

    @property
    def kept(self) -> int:
        """How long after the last of it a customer's wait is kept; 0 where there is none to keep."""
        if isinstance(self.when, Crossed):
            return max(self.max_age, MEMBERSHIP_KEPT)
        return self.within + self.max_age if self.waits else 0

    def begins(self, event: Event) -> bool:
        """Whether an event is what it fires for, or begins to wait for."""
        return isinstance(self.when, tuple) and any(said.met(kind_of(event), event) for said in self.when)

    def ends(self, event: Event) -> bool:
        """Whether an event is what keeps it from firing."""
        return any(said.met(kind_of(event), event) for said in self.unless)


# All triggers of a file, by name.
Triggers = Mapping[str, Trigger]
