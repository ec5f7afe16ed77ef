"""What a generation says of a customer: its records, and those of its identifiers and ids."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from identity import Customer, Identifier, Link, Minted, Rules, Seen, Verdict
from identity.facts import NO_SIGNS, Signs
from identity.graph import Edge, IdRecord, Node
from identity.reach import SPARE, push
from schemas import records
from schemas.blocks import Entry

# first_seen, last_seen, first_ingested, verdict, decided_at: the columns of `Link`.
Times = tuple[int, int, int, int, int]


class Half(NamedTuple):
    """A half-link of an identifier; `state` is of MINE, THEIRS and OUT in `schemas.records`."""

    other: Identifier
    times: Times
    state: int

    @property
    def link(self) -> Link:
        """The link that it is half of."""
        first_seen, last_seen, first_ingested, verdict, decided_at = self.times
        return Link(first_seen, last_seen, first_ingested, Verdict(verdict), decided_at)

    @property
    def is_live(self) -> bool:
        """Whether both ends are in and keep it."""
        return self.state == records.MINE | records.THEIRS


class Person(NamedTuple):
    """An identifier with all that is known of it but its customer."""

    identifier: Identifier
    seen: Seen
    code: int  # the place of its type in the rules
    fault: str | None
    home: str | None
    held: list[dict[str, str | int]]  # the ids that it keeps, with their age
    minted: int
    halves: list[Half]
    signs: Signs = NO_SIGNS
    stale: int | None = None  # since when, by these signs


def of_nobody(tenant: str, person: Person, rules: Rules, as_of: int | None) -> Iterator[Entry]:
    """The records of an identifier that dropped out."""
    return _node(tenant, person, Node(person.identifier, person.seen, home=person.home), rules, as_of)


def of_customer(
    tenant: str, customer: Customer, people: Iterable[Person], rules: Rules, as_of: int | None
) -> Iterator[Entry]:
    """The records of a customer and its identifiers. `people` have their new homes."""
    first = customer.members[0]
    for person in people:
        node = Node(
            person.identifier, person.seen, {}, None, customer.id, first, person.home, lone=customer.lone
        )
        yield from _node(tenant, person, node, rules, as_of)
    if not customer.lone:
        yield (records.customer_key(tenant, first), records.encode_customer(customer))


def of_id(tenant: str, customer: str, minted: Minted, line: Iterable[Identifier]) -> Entry:
    """The record of an id; all who are at home in it stand in line to keep it."""
    return (records.id_key(tenant, customer), records.encode_id(IdRecord(minted, tuple(line))))


def _node(tenant: str, person: Person, node: Node, rules: Rules, as_of: int | None) -> Iterator[Entry]:
    node.fault, node.minted = person.fault, person.minted
    node.signs, node.stale = person.signs, person.stale
    key = records.node_key(tenant, node.identifier)
    if len(person.halves) <= SPARE:
        # No link may go far (`identity.reach`), so there is no need to make edges of them.
        forms = [records.edge_form(*other, state, *times) for other, times, state in person.halves]
        yield (key, records.encode_node(node, forms))
        return
    node.edges = {half.other: _edge(half) for half in person.halves}
    far = push(node, rules, as_of)
    yield (key, records.encode_node(node))
    for other, edge in sorted(far.items()):
        yield (records.far_key(tenant, node.identifier, other), records.encode_far(other, edge))


def _edge(half: Half) -> Edge:
    bits = {"mine": records.MINE, "theirs": records.THEIRS, "out": records.OUT}
    return Edge(half.link, **{name: bool(half.state & bit) for name, bit in bits.items()})
