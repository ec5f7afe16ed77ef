"""The identity graph as records: what a view keeps of each identifier, component and customer id.

Every view (memory, Redis, a generation's memory-mapped files) stores the same three records. A node
carries its links with what the *other* end makes of them, so that an event about one identifier is
settled without loading all that it was ever seen with. Components are not stored: a live link between two
customers is one that was refused, and `identity.rejoin` needs to know no more than that. Of a crowded node
most links are *far*: records of their own, each found by both its ends, so that no node outgrows what its
rules make of it (`identity.reach`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from identity.facts import NO_SIGNS, PAST, Link, Seen, Signs, Verdict
from identity.identifier import Identifier, Pair
from identity.name import Customer, Minted
from identity.screen import is_shut


class Edge(NamedTuple):
    """A link from one end: the fact, and what step 1 and 2 made of it at both ends."""

    link: Link
    mine: bool = False  # this end keeps it
    theirs: bool = False  # the other end keeps it
    out: bool = False  # the other end has dropped out

    @property
    def lives(self) -> bool:
        """Whether the link lives, if this end is in."""
        return self.mine and self.theirs and not self.out


class Far(NamedTuple):
    """What a node knows of its far links to one type.

    `best` is a place in the order of step 2: none of them that is a candidate comes before it.
    """

    links: int
    counting: int  # of these, how many count
    candidates: int  # of these, how many lead to an identifier that is in
    best: tuple[int, Identifier] | None = None


# Identifiers that a change may have looked at again, and up to as many again that its facts name. Beyond that
# it is large, and for who takes his time: resolving so many takes some ten milliseconds.
LARGE = 1_000


@dataclass(slots=True)
class Node:
    """One identifier: what was seen of it, its links, and where it stands."""

    identifier: Identifier
    seen: Seen
    edges: dict[Identifier, Edge] = field(default_factory=dict)  # the near ones
    fault: str | None = None  # why it dropped out, if it did
    customer: str = ""  # its customer's id; empty if it dropped out
    first: Identifier | None = None  # its customer's first member, which names the record; None likewise
    home: str | None = None  # see identity.name; set by the generation only
    minted: int = 0  # how many published ids were minted from it
    lone: bool = False  # it is all of its customer, which carries no other id: there is no more to know
    far: dict[str, Far] = field(default_factory=dict)  # by the other end's type
    signs: Signs = NO_SIGNS
    stale: int | None = None  # since when, by these signs, or APART; see identity.staleness

    @property
    def shut(self) -> bool:
        """Whether it dropped out whatever its links may say: then it keeps none of them."""
        return is_shut(self.fault)

    def is_live(self, other: Identifier) -> bool:
        """Whether the link to `other` lives: both ends are in, and both keep it."""
        edge = self.edges.get(other)
        return self.fault is None and edge is not None and edge.lives

    @property
    def links(self) -> dict[Identifier, Link]:
        """The near links, by their other end."""
        return {z: edge.link for z, edge in self.edges.items()}

    @property
    def live(self) -> dict[Identifier, Link]:
        """Those of them that live."""
        if self.fault is not None:
            return {}
        return {z: link for z, (link, mine, theirs, out) in self.edges.items() if mine and theirs and not out}

    @property
    def foes(self) -> list[Identifier]:
        """Those whom a steward keeps apart from it."""
        return [
            z
            for z, (link, _, _, _) in self.edges.items()
            if link[4] != PAST and link.verdict == Verdict.CANNOT
        ]

    def copy(self) -> "Node":
        """A node to change while the original stays as it was loaded."""
        return Node(
            self.identifier,
            self.seen,
            dict(self.edges),
            self.fault,
            self.customer,
            self.first,
            self.home,
            self.minted,
            self.lone,
            dict(self.far),
            self.signs,
            self.stale,
        )


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

    def customers(self, firsts: Iterable[Identifier]) -> dict[Identifier, Customer]:
        """Load customers by their first members, the lone included; these nodes were loaded before."""

    def ids(self, customer_ids: Iterable[str]) -> dict[str, IdRecord]:
        """Load ids that the generation published."""
