"""The identity graph as records: what a view keeps of each identifier, component and customer id.

Every view (memory, Redis, a generation's memory-mapped files) stores the same three records. A node
carries its links with what the *other* end makes of them, so that an event about one identifier is
settled without loading all that it was ever seen with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from identity.facts import Link, Seen
from identity.identifier import Identifier
from identity.join import Refused
from identity.name import Customer, Minted


class Edge(NamedTuple):
    """A link from one end: the fact, and what step 1 and 2 made of it at both ends."""

    link: Link
    mine: bool = False  # this end keeps it
    theirs: bool = False  # the other end keeps it
    out: bool = False  # the other end has dropped out


@dataclass(slots=True)
class Node:
    """One identifier: what was seen of it, its links, and where it stands."""

    identifier: Identifier
    seen: Seen
    edges: dict[Identifier, Edge] = field(default_factory=dict)
    fault: str | None = None  # why it dropped out, if it did
    customer: str = ""  # its customer's id; empty if it dropped out
    component: Identifier | None = None  # the label (smallest member) of its component; None likewise
    home: str | None = None  # see identity.name; set by the generation only
    minted: int = 0  # how many published ids were minted from it
    lone: bool = False  # it is its whole component, and carries no other id: there is no more to know
    whole: bool = False  # its component is one customer, and no link in it was refused

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

    def components(self, labels: Iterable[Identifier]) -> dict[Identifier, Component]:
        """Load components by label, those of lone nodes included; these nodes were loaded before."""

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published."""
