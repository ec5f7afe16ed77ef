"""From records to answers: who an identifier belongs to, and how sure that is.

Records are decoded as far as an answer needs: this runs for each of a hundred thousand identifiers a
second, and named tuples for every member and link would take most of that second.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from identity import Customer, Identifier
from schemas import records
from serving_layer.certainty import Links, along, at_once, surest_path
from serving_layer.generations import Standing
from serving_layer.reading import Rests

# Identifiers of a customer beyond which nobody looks for a path: it would take all of their records. Its
# certainty is null, unless one step leads to the strongest.
MOST_MEMBERS: Final = 200


class Outcome:
    """The answer for one identifier.

    `customer` is `[id, [[type, value], …], aliases]`, or None and (where there is one) the `reason`;
    `pending` says that events about it wait for the side lane. `certainty` is None where it is not known,
    or not yet: then `open` says so, and `settle` wants the links of all members. `stale` says that it is an
    address that has failed (`identity.staleness`): then it is less certain, by the rules; `objected`, that it
    objects to being joined (`identity.objection`). `rests` is what it rests on, where it may be remembered.
    """

    __slots__ = (
        "certainty",
        "customer",
        "identifier",
        "objected",
        "open",
        "pending",
        "reason",
        "rests",
        "stale",
    )

    def __init__(self, identifier: Identifier, reason: str | None = None) -> None:
        self.identifier = identifier
        self.customer: list[Any] | None = None
        self.reason = reason
        self.pending = False
        self.certainty: float | None = None
        self.open = False
        self.stale = self.objected = False
        self.rests = Rests()

    def read(
        self, standing: Standing, node: bytes | None, customer: list[Any] | None, pending: object
    ) -> "Outcome":
        """Take in its node's record, and its customer as `records.plain_customer` tells it."""
        self.pending = bool(pending)
        if not node:
            return self
        self.stale = records.is_stale(node)
        self.objected = records.is_apart(node)
        self._read(standing, node, customer)
        if self.stale:
            self._doubt(standing)
        return self

    def _doubt(self, standing: Standing) -> None:
        if self.certainty is not None:
            self.certainty *= standing.when_stale[self.identifier.type]

    def _read(self, standing: Standing, node: bytes, customer: list[Any] | None) -> None:
        x = self.identifier
        if customer is None:
            if records.is_lone(node):
                _, customer_id = records.live_ends_and_customer(node)
                self.customer = [customer_id, [x], ()]
                self.certainty = standing.certainties[x[0]]
            else:
                self.reason = records.decode_node(node).fault
            return
        self.customer = customer
        members = customer[1]
        ranks = standing.ranks
        rank = min([ranks[member[0]] for member in members])
        if ranks[x[0]] == rank:
            self.certainty = standing.certainties[x[0]]
            return
        ends, _ = records.live_ends_and_customer(node)
        self.certainty = at_once(x, rank, ends, members, standing)
        self.open = self.certainty is None and len(members) <= MOST_MEMBERS

    def settle(self, links: Links, standing: Standing) -> None:
        """Find the surest path, given the links of all members that live."""
        assert self.customer is not None, "only of customers anything stays open"
        ranks = standing.ranks
        rank = min(ranks[member[0]] for member in self.customer[1])
        path = surest_path(self.identifier, lambda x: ranks[x.type] == rank, links, standing)
        self.certainty = along(path, standing)
        if self.stale:
            self._doubt(standing)
        self.open = False

    def person(self, *, only: bool) -> list[Identifier]:
        """Whom an erasure means: all of the customer, or (with `only`, or where there is none) this alone."""
        return [self.identifier] if only or self.customer is None else list(self.members)

    @property
    def members(self) -> Iterator[Identifier]:
        """The identifiers of its customer, none where there is none."""
        return (Identifier(*member) for member in (self.customer[1] if self.customer else ()))

    def as_customer(self) -> Customer | None:
        """Its customer as `identity` knows it."""
        if self.customer is None:
            return None
        return Customer(self.customer[0], tuple(self.members), tuple(self.customer[2]))


def plain(customer: bytes | None) -> list[Any] | None:
    """A customer's record, where there is one, as answers tell it."""
    return records.plain_customer(customer) if customer else None


def live_links(members: Collection[Identifier], nodes: Iterable[bytes | None]) -> Links:
    """Of each member the other ends of its links that live, within these members; of their encoded nodes."""
    known = set(members)
    links: dict[Identifier, list[Identifier]] = {}
    for x, ends in map(records.identifier_and_live_ends, filter(None, nodes)):
        links[x] = [end for type_, value, *_ in ends if (end := Identifier(type_, value)) in known]
    return links
