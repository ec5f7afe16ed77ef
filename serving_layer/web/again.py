"""Lookups that were asked before: all that wait for the same round trip are looked at in one loop.

Most lookups are such ones. Each by itself would take longer to be handed on, from one who knows what it rests
on to one who counts it, than to be answered.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Final

import msgspec

from serving_layer.access.principal import Principal
from serving_layer.answers import freshness_json
from serving_layer.desk import Desk
from serving_layer.reading import MOST_WATCHED, Freshness, Look, Reading
from serving_layer.repeated import Repeat
from serving_layer.shared import ENOUGH
from serving_layer.web.route import Told

log = logging.getLogger(__name__)

_encode: Final = msgspec.json.Encoder().encode

Instead = Callable[[Principal, bytes, float, Told], None]
"""Asks in another way: with who asks, his question, since when, and whom to tell."""


class Ending:
    """The end of an answer: what it rests on, written once for the many that share it."""

    def __init__(self) -> None:
        self._last: tuple[Freshness, bytes] | None = None

    def __call__(self, freshness: Freshness) -> bytes:
        """Its bytes."""
        if self._last is None or self._last[0] is not freshness:
            self._last = freshness, _encode(freshness_json(freshness))[1:]
        return self._last[1]


def answered(results: bytes, ending: bytes) -> bytes:
    """The whole answer."""
    return b'{"results":[%b],%b' % (results, ending)


class Again:
    """Asks whether what is known holds. Belongs to one event loop.

    Where it does not, `anew` is called, and `moved` where readers have moved to another generation. `route`
    is what metrics call these.
    """

    def __init__(self, desk: Desk, route: str, ending: Ending, anew: Instead, moved: Instead) -> None:
        self.desk = desk
        self.route = route
        self.ending = ending
        self.anew = anew
        self.moved = moved
        self._open: _Flight | None = None

    def ask(self, who: Principal, known: Repeat, body: bytes, start: float, told: Told) -> None:
        """Have `told` called once, with the answer to a question that comes to this while that holds.

        With None where it may not be given: the usual way says why. `start` is when it began to be asked.
        """
        flight = self._open
        if flight is None or flight.begun or len(flight.keys) + len(known.keys) > MOST_WATCHED:
            flight = self._open = _Flight(self)
            self.desk.shared.tell(flight)
        flight.asked.append((who, known, body, start, told))
        flight.keys += known.keys
        if len(flight.asked) >= ENOUGH:
            self.desk.shared.go()


class _Flight:
    """Those who wait for one round trip."""

    __slots__ = ("_again", "asked", "begun", "keys")

    def __init__(self, again: Again) -> None:
        self._again = again
        self.asked: list[tuple[Principal, Repeat, bytes, float, Told]] = []
        self.keys: list[bytes] = []
        self.begun = False

    @property
    def requests(self) -> int:
        return len(self.asked)

    def look(self) -> Look:
        self.begun = True
        return Look((), self.keys)

    def told(self, reading: Reading | Exception, asked: int, watched: int) -> None:  # noqa: ARG002
        if isinstance(reading, Exception):
            for one in self.asked:
                _tell(one[-1], None)
            return
        holding = self._holding(reading, watched)
        if not holding:
            return
        again, freshness = self._again, reading.freshness
        found: defaultdict[Principal, list[Repeat]] = defaultdict(list)
        for who, known, _, _ in holding:
            found[who].append(known)
        may = again.desk.give(found, stale=freshness.stale)
        ending = again.ending(freshness)
        for who, known, _, told in holding:
            _tell(told, answered(known.results, ending) if who in may else None)
        now = perf_counter()
        seconds = [now - start for who, _, start, _ in holding if who in may]
        again.desk.metrics.all_answered(again.route, 200, seconds)

    def _holding(self, reading: Reading, at: int) -> list[tuple[Principal, Repeat, float, Told]]:
        """Those that hold; the others are seen to."""
        again, values = self._again, reading.watched
        number, waiting = reading.standing.number, reading.waiting
        holding: list[tuple[Principal, Repeat, float, Told]] = []
        for who, known, body, start, told in self.asked:
            stop = at + len(known.values)
            if known.generation != number:
                self._instead(again.moved, who, body, start, told)
            elif waiting or values[at:stop] != known.values:
                self._instead(again.anew, who, body, start, told)
            else:
                holding.append((who, known, start, told))
            at = stop
        return holding

    @staticmethod
    def _instead(ask: Instead, who: Principal, body: bytes, start: float, told: Told) -> None:
        try:
            ask(who, body, start, told)
        except Exception:
            log.exception("one who asked could not be asked for in another way")
            _tell(told, None)


def _tell(told: Told, answer: bytes | None) -> None:
    try:
        told(answer)
    except Exception:
        # Nobody else is to be harmed.
        log.exception("one who asked could not be told")
