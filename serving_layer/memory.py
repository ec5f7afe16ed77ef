"""A memory of what follows from a generation: what was asked for last, and no more than so much of it.

Visitors come again and again: most questions are ones that were asked a moment ago. What follows from another
generation than the one that is asked about is not known, and stays until it is replaced or its turn comes: to
forget a hundred thousand at once would hold everybody up.
"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class OfGeneration(Protocol):
    """What follows from one generation."""

    @property
    def generation(self) -> int:
        """Its number."""


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
        if key not in self._young and len(self._young) + len(self._old) >= self._most:
            if not self._old:
                self._young, self._old = {}, self._young
            self._old.popitem()
        self._young[key] = value

    def _moved(self, key: Key) -> Value | None:
        """What is known of the old, and young from now on."""
        known = self._old.pop(key, None)
        if known is not None:
            self._young[key] = known
        return known
