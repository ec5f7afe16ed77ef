"""Disjoint sets that nothing can refuse: which records must be committed together."""

from identity.identifier import Identifier


class Together:
    """Union-find with path halving (Tarjan and van Leeuwen, 1984); every identifier begins alone."""

    def __init__(self) -> None:
        self._parent: dict[Identifier, Identifier] = {}

    def find(self, x: Identifier) -> Identifier:
        """The one identifier that stands for all that are together with x."""
        parent = self._parent
        while (above := parent.setdefault(x, x)) != x:
            parent[x] = x = parent.setdefault(above, above)
        return x

    def add(self, x: Identifier, y: Identifier) -> None:
        """From now on x and y, and all that are with either, are together."""
        self._parent[self.find(x)] = self.find(y)
