"""Disjoint sets that nothing can refuse: which records must be committed together."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Together(Generic[Item]):
    """Union-find with path halving (Tarjan and van Leeuwen, 1984); everybody begins alone."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}

    def find(self, x: Item) -> Item:
        """The one that stands for all that are together with x."""
        parent = self._parent
        while (above := parent.setdefault(x, x)) != x:
            parent[x] = x = parent.setdefault(above, above)
        return x

    def add(self, x: Item, y: Item) -> None:
        """From now on x and y, and all that are with either, are together."""
        self._parent[self.find(x)] = self.find(y)
