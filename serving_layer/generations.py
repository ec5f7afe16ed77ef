"""Which generation answers: the live one, or where that is broken the one before it."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from identity import Observer, Rules, rulefile
from schemas.generation import BrokenGeneration, Generation, numbers, open_generation, pinned

log = logging.getLogger(__name__)

# Seconds until a generation that could not be opened is tried again: somebody may have restored it.
RETRY_S = 1.0

# Generations of the past that stay open, for whoever asks about then.
MOST_PAST = 4


class Standing:
    """An open generation, its rules, and what these say of each type: its rank, and how certain it is.

    `when_stale` is what the certainty of an answer is multiplied with for a stale identifier of a type.
    """

    def __init__(self, generation: Generation, rules: Rules, observer: Observer) -> None:
        self.generation = generation
        self.number = generation.number
        self.fingerprint = generation.manifest.fingerprint
        self.rules = rules
        self.observer = observer
        self.ranks = {name: rule.rank for name, rule in rules.types.items()}
        self.certainties = {name: rule.certainty for name, rule in rules.types.items()}
        self.when_stale = {name: rule.certainty for name, rule in rules.stale.items()}


class Generations:
    """Opens generations below a directory, and keeps the last one open. Threads may share it."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        # The number of the one that is open: for who asks for it with each request.
        self.number: int | None = None
        self._open: Standing | None = None
        # The one that was open before: to close it takes milliseconds, and who moved may be moved back.
        self._left: Standing | None = None
        self._past: dict[int, Standing] = {}
        self._broken: dict[int, float] = {}
        self._rules: dict[str, tuple[Rules, Observer]] = {}

    @property
    def current(self) -> Standing:
        """The one that was asked for last, else the newest that is whole. Raises BrokenGeneration."""
        return self._open or self.at(None)

    def at(self, number: int | None) -> Standing:
        """The generation of that number, or the newest whole one before it.

        Of None the one that readers are held at, if any, else the newest. Raises BrokenGeneration where there
        is none.
        """
        if self._open is not None and self._open.number == number:
            return self._open
        if number is None:
            number = pinned(self._root)
        below = [known for known in numbers(self._root)[::-1] if number is None or known < number]
        for candidate in below if number is None else [number, *below]:
            standing = self._try(candidate)
            if standing is not None:
                if standing is not self._open:
                    self._left, self._open, self.number = self._open, standing, standing.number
                return standing
        raise BrokenGeneration(f"no generation can be opened in {self._root}: run 'ucid batch'")

    def until(self, moment: int) -> Standing | None:
        """The newest generation that holds no event after `moment` (microseconds); `current` stays."""
        for number in numbers(self._root)[::-1]:
            standing = self._past.get(number) or self._try(number)
            if standing is not None and (standing.generation.manifest.as_of or 0) <= moment:
                self._past[number] = standing
                while len(self._past) > MOST_PAST:
                    del self._past[next(iter(self._past))]
                return standing
        return None

    def before(self, number: int, most: int) -> list[Standing]:
        """The newest whole generations before that number, at most so many, oldest first; `current` stays."""
        below = [known for known in numbers(self._root) if known < number][-most:]
        return [standing for known in below if (standing := self._try(known)) is not None]

    def _try(self, number: int) -> Standing | None:
        for standing in (self._open, self._left):
            if standing is not None and standing.number == number:
                return standing
        if self._clock() < self._broken.get(number, 0.0):
            return None
        try:
            generation = open_generation(self._root, number)
        except BrokenGeneration as error:
            log.warning("%s", error)
            self._broken[number] = self._clock() + RETRY_S
            return None
        return Standing(generation, *self._judging(generation))

    def _judging(self, generation: Generation) -> tuple[Rules, Observer]:
        fingerprint = generation.manifest.fingerprint
        known = self._rules.get(fingerprint)
        if known is None:
            rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
            known = rules, Observer(rules)
            self._rules[fingerprint] = known
            while len(self._rules) > MOST_PAST:
                del self._rules[next(iter(self._rules))]
        return known
