"""A memory of what follows from a generation: what was asked for last, and no more than so much of it.

Visitors come again and again: most questions are ones that were asked a moment ago. What follows from another
generation than the one that is asked about is not known. It goes a little at a time, as new answers come: to
forget a hundred thousand at once would hold everybody up.
"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class OfGeneration(Protocol):
    """What follows from one generation."""

    @property
    def generation(self) -> int:
        """Its number."""


# How many of those that may be of another generation are looked at for each answer that is kept: with two, a
# memory is rid of them when it has as many new answers as it holds.
_SWEPT = 2

Key = TypeVar("Key")
Value = TypeVar("Value", bound=OfGeneration)


class Memory(Generic[Key, Value]):
    """What is known, `most` entries."""

    def __init__(self, most: int) -> None:
        self._most = most
        # What is found among the old moves to the young. For each new one, one of the old goes; when there
        # are none, all are old. As good as the least recently used (docs/decisions/0023), without a list that
        # each lookup would have to relink.
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._generation: int | None = None  # the one that was kept last
        self._unswept = 0  # how many of the two may have what another one said

    def get(self, generation: int | None, key: Key) -> Value | None:
        """What is known on that generation."""
        known = self._young.get(key) or self._moved(key)
        return known if known is not None and known.generation == generation else None

    def find(self, generation: int, keys: Sequence[Key]) -> list[Value | None]:
        """The same of several."""
        young = self._young.get  # most are there, which takes no call of ours
        return [
            known
            if (known := young(key)) is not None and known.generation == generation
            else self.get(generation, key)
            for key in keys
        ]

    def keep(self, key: Key, value: Value) -> None:
        """Remember something, in place of what another generation said."""
        if value.generation != self._generation:
            self._generation, self._unswept = value.generation, 2
        if self._unswept:
            self._sweep()
        if key not in self._young and len(self._young) + len(self._old) >= self._most:
            if not self._old:
                self._young, self._old = {}, self._young
            self._old.popitem()
        self._young[key] = value

    def _moved(self, key: Key) -> Value | None:
        """What is known of the old, and young from now on, unless another generation said it."""
        known = self._old.pop(key, None)
        if known is not None and known.generation == self._generation:
            self._young[key] = known
        return known

    def _sweep(self) -> None:
        """Let go of what another generation said: some of the old, and then of the young, old by then."""
        for _ in range(_SWEPT):
            if not self._old:
                self._young, self._old = self._old, self._young
                self._unswept -= 1
            if not self._unswept or not self._old:
                return
            key, value = self._old.popitem()
            if value.generation == self._generation:
                self._young.setdefault(key, value)
