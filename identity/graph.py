"""The identity graph as records: what a view keeps of each identifier, component and customer id.

Every view (memory, Redis, a generation's memory-mapped files) stores the same three records. A node
carries its links with what the *other* end makes of them, so that an event about one identifier is
settled without loading all that it was ever seen with. Of a crowded one most links are *far*: records of
their own, each found by both its ends, so that no node outgrows what its rules make of it
(`identity.reach`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from identity.facts import Link, Seen
from identity.identifier import Identifier, Pair
from identity.join import Refused
from identity.name import Customer, Minted
from identity.screen import is_shut


class Edge(NamedTuple):
    """A link from one end: the fact, and what step 1 and 2 made of it at both ends."""

    link: Link
    mine: bool = False  # this end keeps it
    theirs: bool = False  # the other end keeps it
    out: bool = False  # the other end has dropped out


class Far(NamedTuple):
    """What a node knows of its far links to one type.

    `best` is a place in the order of step 2: none of them that is a candidate comes before it.
    """

    links: int
    counting: int  # of these, how many count
    candidates: int  # of these, how many lead to an identifier that is in
    best: tuple[int, Identifier] | None = None


# Members of a component beyond which it is large: who looks at it takes his time, and a store keeps it by
# customers, so that a lookup reads one of them. Resolving so many takes some ten milliseconds.
LARGE = 1_000


@dataclass(slots=True)
class Node:
    """One identifier: what was seen of it, its links, and where it stands."""

    identifier: Identifier
    seen: Seen
    edges: dict[Identifier, Edge] = field(default_factory=dict)  # the near ones
    fault: str | None = None  # why it dropped out, if it did
    customer: str = ""  # its customer's id; empty if it dropped out
    component: Identifier | None = None  # the label (smallest member) of its component; None likewise
    home: str | None = None  # see identity.name; set by the generation only
    minted: int = 0  # how many published ids were minted from it
    lone: bool = False  # it is its whole component, and carries no other id: there is no more to know
    whole: bool = False  # its component is one customer, and no link in it was refused
    far: dict[str, Far] = field(default_factory=dict)  # by the other end's type
    apart: Identifier | None = None  # in a large component: the first member of its customer

    @property
    def shut(self) -> bool:
        """Whether it dropped out whatever its links may say: then it keeps none of them."""
        return is_shut(self.fault)

    def is_live(self, other: Identifier) -> bool:
        """Whether the link to `other` lives: both ends are in, and both keep it."""
        edge = self.edges.get(other)
        return self.fault is None and edge is not None and edge.mine and edge.theirs and not edge.out

    def copy(self) -> "Node":
        """A node to change while the original stays as it was loaded."""
        return Node(
            self.identifier,
            self.seen,
            dict(self.edges),
            self.fault,
            self.customer,
            self.component,
            self.home,
            self.minted,
            self.lone,
            self.whole,
            dict(self.far),
            self.apart,
        )


class Component(NamedTuple):
    """Identifiers that hang together by live links: one customer, or several where a limit parts them."""

    customers: tuple[Customer, ...]
    refused: tuple[Refused, ...] = ()

    @property
    def label(self) -> Identifier:
        """The smallest member names the component."""
        return min(customer.members[0] for customer in self.customers)

    @property
    def lone(self) -> bool:
        """Whether it is one identifier and one id: the node says all, so stores keep no record of it."""
        first, *others = self.customers
        return not others and len(first.members) == 1 and not first.aliases

    @property
    def whole(self) -> bool:
        """Whether it is one customer with nothing refused."""
        return len(self.customers) == 1 and not self.refused

    @property
    def large(self) -> bool:
        """Whether it is too much to be looked at in passing."""
        return sum(len(customer.members) for customer in self.customers) > LARGE

    @property
    def members(self) -> list[Identifier]:
        """All identifiers of all its customers."""
        return [member for customer in self.customers for member in customer.members]


class IdRecord(NamedTuple):
    """A published id: what it was minted from, and who is at home in it, the keeper's line first."""

    minted: Minted
    residents: tuple[Identifier, ...]


class View(Protocol):
    """Read access to a graph. What is not known is left out of the answer."""

    def nodes(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Node]:
        """Load nodes."""

    def far(self, pairs: Iterable[Pair]) -> dict[Pair, Edge]:
        """Load far links, each by the end that holds it and the other end."""

    def all_far(self, identifier: Identifier) -> dict[Pair, Edge]:
        """Load all far links of an identifier. Takes its time: only where all of them change."""

    def components(self, labels: Iterable[Identifier]) -> dict[Identifier, Component]:
        """Load components by label, those of lone nodes included; these nodes were loaded before."""

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published."""
