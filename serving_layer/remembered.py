"""Answers that need not be made again: those of which all that they rest on is as it was.

A generation never changes. So the answer for an identifier stays what it was for as long as the overlay
holds what it held under the keys that the answer was made from, nothing or some records; whether it does is
looked at in the same round trip as everything else. Visitors come again and again: most lookups are of
identifiers that were asked for a moment ago.
"""

from collections.abc import Sequence
from typing import Final

from serving_layer.memory import FREED, Memory
from serving_layer.outcome import Outcome

# Answers that are kept, at most: each takes about a kilobyte.
MOST: Final = 200_000

# Keys that a look may watch: Redis takes so many in one command of a script.
MOST_WATCHED: Final = 4_000

Question = tuple[str, str, str]
"""A tenant, a type, and a raw value."""


class Remembered(Memory[Question, Outcome]):
    """The answers of one generation at a time, those that were asked for last; each says what it rests on."""

    def __init__(self, most: int = MOST) -> None:
        super().__init__(most)

    def find(self, generation: int, tenant: str, asked: Sequence[tuple[str, str]]) -> list[Outcome | None]:
        """What is known of each (type, raw value) pair on that generation, as much as a look may watch."""
        if self._gone:
            self._let_go(FREED * (1 + len(asked)))
        if generation != self._generation:
            return [None] * len(asked)
        young = self._young.get
        known = [young((tenant, type_, raw)) for type_, raw in asked]
        if self._old and None in known:
            known = [
                kept or self.get(generation, (tenant, *pair)) for kept, pair in zip(known, asked, strict=True)
            ]
        left = MOST_WATCHED
        for i, kept in enumerate(known):
            if kept is not None:
                left -= len(kept.rests.keys)
                if left < 0:
                    known[i] = None
        return known
