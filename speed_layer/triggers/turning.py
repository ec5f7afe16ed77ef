"""From what a generation changed by itself, for a slow source or as time passed, to steps that look."""

import logging
import time
from collections.abc import Callable, Iterator

from schemas import Cause
from schemas.turned import GENERATION, Turn, Turned
from speed_layer.triggers.conditions import Crossed
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.seams import Turns
from speed_layer.triggers.steps import Outgoing, Told, step

log = logging.getLogger(__name__)


class Turning:
    """Asks which generations readers have come to, and whom of one tenant these may have turned.

    What is found again, as after a start, is told once: it is compared with what was found last.
    """

    def __init__(
        self,
        tenant: str,
        triggers: Triggers,
        turns: Turns,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._tenant = tenant
        self._triggers = [trigger for trigger in triggers.values() if isinstance(trigger.when, Crossed)]
        self._turns = turns
        self._clock = clock
        self._reached = -1

    def __bool__(self) -> bool:
        return bool(self._triggers)

    def look(self) -> tuple[int, list[Outgoing]]:
        """The generation that readers stand on, and whom to look at for it and for those since the last call.

        `done` has to be told of it. Raises Unavailable.
        """
        live, found = self._turns.since(self._reached)
        now = self._clock()
        return live, [out for number, turned in found for out in self._steps(number, turned, now)]

    def done(self, reached: int) -> None:
        """All that was found up to a generation is on its way."""
        self._reached = reached

    def _steps(self, number: int, turned: Turned, now: int) -> Iterator[Outgoing]:
        if not any(turned.at + trigger.max_age > now for trigger in self._triggers):
            return
        if turned.left_out:
            log.warning(
                "generation %d changed the segments of %d customers: too many, and none is told of",
                number, turned.left_out,
            )  # fmt: skip
        cause = Cause(topic=GENERATION, partition=0, offset=number, event_id=f"{GENERATION}-{number}")
        for turn in turned.rows:
            if turn.tenant == self._tenant and self._differs(turn):
                told = Told(turned.at, cause, now, turn.was, turned.known)
                yield step(turn.customer_id, told)

    def _differs(self, turn: Turn) -> bool:
        """Whether it makes a difference to a trigger; both sides of `Crossed` are the same question."""
        return any(
            isinstance(trigger.when, Crossed) and trigger.when.met(turn.was) != trigger.when.met(turn.is_)
            for trigger in self._triggers
        )
