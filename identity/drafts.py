"""Records on their way from a view through an update: as they were loaded, and as they are to be.

Nothing is loaded twice, and nothing that was loaded is changed: who wants to change a node drafts it.
"""

from collections.abc import Collection, Iterable, Mapping

from identity.graph import Edge, Node, View
from identity.identifier import Identifier, Pair
from identity.name import Customer
from identity.reach import pull, push
from identity.rules import Rules
from identity.together import Together


class Drafts:
    """The records that one call of `upkeep` has met.

    `together` says which of them must be committed together.
    """

    def __init__(self, view: View, rules: Rules, as_of: int | None) -> None:
        self._view = view
        self._rules = rules
        self._as_of = as_of
        self.known: dict[Identifier, Node | None] = {}  # as loaded; None = asked for, not there
        self.drafts: dict[Identifier, Node] = {}
        self.far: dict[Pair, Edge | None] = {}  # far links as loaded; None = asked for, not there
        self.customers: dict[Identifier, Customer] = {}  # as loaded, by their first members
        self.consulted: dict[Identifier, Customer] = {}  # likewise, but these stay as they are
        self.together: Together[Identifier] = Together()

    def load(self, identifiers: Iterable[Identifier]) -> None:
        """Load nodes."""
        missing = [x for x in identifiers if x not in self.known]
        if missing:
            self.known.update(dict.fromkeys(missing))
            self.known.update(self._view.nodes(missing))

    def load_customers(self, identifiers: Iterable[Identifier]) -> None:
        """Load the customers of loaded nodes, and the nodes of all their members."""
        firsts = {known.first for x in identifiers if (known := self.known[x]) is not None}
        missing = [first for first in firsts if first is not None and first not in self.customers]
        if missing:
            self.customers.update(self._stored(missing))
            self.load(member for first in missing for member in self.customers[first].members)

    def consult(self, identifiers: Iterable[Identifier]) -> None:
        """Load nodes, and whom their customers consist of, where that is more than themselves."""
        identifiers = list(identifiers)
        self.load(identifiers)
        nodes = (self.known[x] for x in identifiers)
        firsts = {node.first for node in nodes if node is not None and not node.lone}
        missing = [first for first in firsts if first is not None and first not in self.consulted]
        if missing:
            self.consulted.update(self._stored(missing))

    def _stored(self, firsts: Collection[Identifier]) -> dict[Identifier, Customer]:
        """Customers that nodes name; KeyError where another worker moved one meanwhile."""
        found = self._view.customers(firsts)
        return {first: found[first] for first in firsts}

    def ask(self, firsts: Iterable[Identifier]) -> None:
        """Look whether a customer stood under these names: whoever writes one has looked."""
        missing = [first for first in firsts if first not in self.customers]
        if missing:
            self._view.customers(missing)

    def reach(self, pairs: Iterable[Pair]) -> None:
        """Take far links near: what the first end of each pair holds of the second, if it does."""
        missing = []
        for x, z in pairs:
            node = self.drafts.get(x) or self.known[x]
            if node is None or z.type not in node.far or z in node.edges or (x, z) in self.far:
                continue
            missing.append((x, z))
        if missing:
            self.far.update(dict.fromkeys(missing))
            self._pull(self._view.far(missing))

    def reach_all(self, x: Identifier) -> None:
        """Take all far links of an identifier near."""
        if self.node(x).far:
            self._pull(self._view.all_far(x))

    def _pull(self, found: Mapping[Pair, Edge]) -> None:
        for (x, z), edge in found.items():
            # What was taken near before has since been changed, or was erased.
            if z not in self.node(x).edges and self.far.get((x, z)) is None:
                self.far[x, z] = edge
                pull(self.draft(x), z, edge, self._rules, self._as_of)

    def push(self) -> dict[Pair, Edge]:
        """Let go far what is too much for a node."""
        pushed = {
            (x, z): edge
            for x, draft in self.drafts.items()
            for z, edge in push(draft, self._rules, self._as_of).items()
        }
        # Nothing stands there, but something may have: whoever writes has looked.
        new = [ends for ends in pushed if ends not in self.far]
        self.far.update(dict.fromkeys(new))
        if new:
            self.far.update(self._view.far(new))
        return pushed

    def node(self, x: Identifier) -> Node:
        """A node as it is to be."""
        node = self.drafts.get(x) or self.known[x]
        assert node is not None, "only nodes that were found or made are asked for"
        return node

    def draft(self, x: Identifier) -> Node:
        """A node to change."""
        draft = self.drafts.get(x)
        if draft is None:
            draft = self.drafts[x] = self.node(x).copy()
        return draft

    def first(self, x: Identifier) -> Identifier | None:
        """The first member of the customer that an identifier was part of, if it was of any."""
        known = self.known.get(x)
        return known.first if known is not None else None
