"""Answers that need not be made again: those of which all that they rest on is as it was.

A generation never changes. So the answer for an identifier stays what it was for as long as the overlay holds
what it held under the keys that the answer was made from, nothing or some records; whether it does is looked at
in the same round trip as everything else. Visitors come again and again: most lookups are of identifiers that
were asked for a moment ago.
"""

from collections.abc import Sequence
from typing import Final

from serving_layer.outcome import Outcome

# Answers that are kept, at most: each takes about a kilobyte.
MOST: Final = 200_000

# Keys that a look may watch: Redis takes so many in one command of a script.
MOST_WATCHED: Final = 4_000

# Forgotten answers that are freed for each identifier of a question, and once more: more than it can add.
FREED: Final = 2

Question = tuple[str, str, str]
"""A tenant, a type, and a raw value."""


class Remembered:
    """The answers of one generation at a time, those that were asked for last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._generation = -1
        # Two halves: what is found in the old one moves to the young one, and when that is full, the old one
        # is dropped. Nearly the least recently used, without a list that each lookup would have to relink.
        self._young: dict[Question, Outcome] = {}
        self._old: dict[Question, Outcome] = {}
        self._gone: list[dict[Question, Outcome]] = []

    def find(self, generation: int, tenant: str, asked: Sequence[tuple[str, str]]) -> list[Outcome | None]:
        """What is known of each (type, raw value) pair on that generation, as much as a look may watch."""
        self._let_go(FREED * (1 + len(asked)))
        if generation != self._generation:
            return [None] * len(asked)
        young = self._young.get
        known = [young((tenant, type_, raw)) for type_, raw in asked]
        if self._old and None in known:
            known = [kept or self._one((tenant, *pair)) for kept, pair in zip(known, asked, strict=True)]
        left = MOST_WATCHED
        for i, kept in enumerate(known):
            if kept is not None:
                left -= len(kept.rests.keys)
                if left < 0:
                    known[i] = None
        return known

    def keep(self, generation: int, question: Question, kept: Outcome) -> None:
        """Remember an answer, one of which it is known what it rests on."""
        if generation != self._generation:
            self._generation = generation
            self._gone += [self._young, self._old]
            self._young, self._old = {}, {}
        self._young[question] = kept
        if len(self._young) * 2 > self._most:
            self._gone.append(self._old)
            self._young, self._old = {}, self._young

    def _let_go(self, count: int) -> None:
        """Free a few of those that are forgotten: a hundred thousand at once would hold everybody up."""
        for _ in range(count):
            while self._gone and not self._gone[-1]:
                self._gone.pop()
            if not self._gone:
                return
            self._gone[-1].popitem()

    def _one(self, question: Question) -> Outcome | None:
        """One of the old half, which moves to the young one; it may be there, for it was asked for twice."""
        kept = self._young.get(question)
        if kept is None and (kept := self._old.pop(question, None)) is not None:
            self._young[question] = kept
        return kept
