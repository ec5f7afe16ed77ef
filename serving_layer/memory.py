"""A memory of what follows from one generation: what was asked for last, and no more than so much of it.

Visitors come again and again: most questions are ones that were asked a moment ago.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

# Forgotten entries that are freed at each question, for each key in it, and once more: more than it can add.
FREED: Final = 1


class Memory(Generic[Key, Value]):
    """What is known on one generation at a time; `most` entries."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._generation = -1
        # What is found among the old moves to the young. For each new one, one of the old goes; when there
        # are none, all are old. As good as the least recently used (docs/decisions/0023), without a list that
        # each lookup would have to relink.
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._gone: list[dict[Key, Value]] = []

    def get(self, generation: int | None, key: Key) -> Value | None:
        """What is known on that generation."""
        if self._gone:
            self._let_go(2 * FREED)
        if generation != self._generation:
            return None
        return self._young.get(key) or self._moved(key)

    def find(self, generation: int, keys: Sequence[Key]) -> list[Value | None]:
        """The same of several."""
        if self._gone:
            self._let_go(FREED * (1 + len(keys)))
        if generation != self._generation:
            return [None] * len(keys)
        known = list(map(self._young.get, keys))
        if self._old and None in known:
            known = [
                self._moved(key) if value is None else value for key, value in zip(keys, known, strict=True)
            ]
        return known

    def keep(self, generation: int, key: Key, value: Value) -> None:
        """Remember something of that generation, and nothing of another any more."""
        if generation != self._generation:
            self._generation = generation
            self._gone += [self._young, self._old]
            self._young, self._old = {}, {}
        if len(self._young) + len(self._old) >= self._most:
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

    def _let_go(self, count: int) -> None:
        """Free a few of those that are forgotten: a hundred thousand at once would hold everybody up."""
        for _ in range(count):
            while self._gone and not self._gone[-1]:
                self._gone.pop()
            if not self._gone:
                return
            self._gone[-1].popitem()
