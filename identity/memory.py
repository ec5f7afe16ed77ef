"""A view in memory: what a generation and an overlay hold together, for tests and for small logs."""

from collections import Counter
from collections.abc import Iterable, Mapping

from identity.facts import Facts
from identity.graph import Edge, IdRecord, Node
from identity.identifier import Identifier, Pair
from identity.name import Customer, Minter, Published
from identity.rules import Rules
from identity.upkeep import Update, erase, upkeep


class MemoryView:
    """Records in dictionaries; `apply` keeps them current."""

    def __init__(self, rules: Rules, minter: Minter, as_of: int | None = None) -> None:
        self._rules = rules
        self._minter = minter
        self._as_of = as_of
        self._nodes: dict[Identifier, Node] = {}
        self._customers: dict[Identifier, Customer] = {}
        self._ids: dict[str, IdRecord] = {}
        self._far: dict[Identifier, dict[Identifier, Edge]] = {}

    def nodes(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Node]:
        """Load nodes."""
        return {x: self._nodes[x].copy() for x in identifiers if x in self._nodes}

    def far(self, pairs: Iterable[Pair]) -> dict[Pair, Edge]:
        """Load far links."""
        return {(x, z): self._far[x][z] for x, z in pairs if z in self._far.get(x, ())}

    def all_far(self, identifier: Identifier) -> dict[Pair, Edge]:
        """Load all far links of an identifier."""
        return {(identifier, z): edge for z, edge in self._far.get(identifier, {}).items()}

    def customers(self, firsts: Iterable[Identifier]) -> dict[Identifier, Customer]:
        """Load customers by their first members."""
        return {first: self._customers[first] for first in firsts if first in self._customers}

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published."""
        return {c: self._ids[c] for c in customer_ids if c in self._ids}

    def apply(self, facts: Facts) -> list[Update]:
        """Bring the view up to date with new facts."""
        return self._write(upkeep(self, facts, self._rules, minter=self._minter, as_of=self._as_of))

    def erase(self, erased: Mapping[Identifier, int]) -> list[Update]:
        """Take out who was first taken in up to that moment."""
        return self._write(erase(self, erased, self._rules, minter=self._minter, as_of=self._as_of))

    def _write(self, updates: list[Update]) -> list[Update]:
        for update in updates:
            for x, node in update.nodes.items():
                if node is None:
                    del self._nodes[x]
                else:
                    self._nodes[x] = node
            for (x, z), edge in update.far.items():
                if edge is None:
                    del self._far[x][z]
                else:
                    self._far.setdefault(x, {})[z] = edge
            for first, customer in update.customers.items():
                if customer is None:
                    del self._customers[first]
                else:
                    self._customers[first] = customer
        return updates

    def publish(self, published: Published) -> None:
        """Take in what a generation hands on: homes and ids; with it, all that those before handed on."""
        seen = {x: node.seen for x, node in self._nodes.items()}
        residents = published.territories(seen, self._rules)
        self._ids = {c: IdRecord(minted, tuple(residents.get(c, ()))) for c, minted in published.ids.items()}
        for x, home in published.homes.items():
            self._nodes[x].home = home
        minted_of = Counter((minted.anchor, minted.first_ingested) for minted in published.ids.values())
        for (anchor, first_ingested), count in minted_of.items():
            if self._nodes[anchor].seen.first_ingested == first_ingested:
                self._nodes[anchor].minted = count

    @property
    def all_customers(self) -> list[Customer]:
        """All customers, sorted by id."""
        return sorted(self._customers.values())
