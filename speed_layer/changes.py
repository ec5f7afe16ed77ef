"""What happened to customers, told from an update's before and after."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

import schemas
from identity import Customer, Identifier
from identity.upkeep import Update
from schemas import Cause, CustomerChange

# Topic, partition, offset, event id.
Where = tuple[str, int, int, str]


class Told(NamedTuple):
    """A change as it waits in the outbox; what it becomes is made when it leaves, while nobody waits."""

    tenant: str
    kind: schemas.ChangeKind
    at: int
    customer_id: str
    previous: list[str]
    identifiers: list[tuple[str, str]]
    cause: Where | None
    version: int
    generation: int

    def change(self) -> CustomerChange:
        """The change that is sent.

        One that is sent again has the same `change_id`: a customer has one change of a version on a
        generation.
        """
        cause = self.cause
        return CustomerChange(
            change_id=f"{self.customer_id}.{self.generation}.{self.version}",
            tenant=self.tenant,
            kind=self.kind,
            at=self.at,
            customer_id=self.customer_id,
            previous=self.previous,
            identifiers=[schemas.Identifier(*identifier) for identifier in self.identifiers],
            cause=cause and Cause(topic=cause[0], partition=cause[1], offset=cause[2], event_id=cause[3]),
            version=self.version,
            generation=self.generation,
        )


pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Told).decode


class Teller:
    """Tells of the changes that a batch makes for one tenant, each packed for the outbox.

    `at` is the batch's newest append time (microseconds), `where` finds the message that had a part in a
    change of some identifiers.
    """

    def __init__(
        self, tenant: str, generation: int, at: int, where: Callable[[list[Identifier]], Where | None]
    ) -> None:
        self._tenant = tenant
        self._generation = generation
        self.at = at
        self.where = where

    def created(self, x: Identifier, customer_id: str) -> bytes:
        """Of a customer of one identifier that nobody knew."""
        where = self.where([x])
        return pack((self._tenant, "created", self.at, customer_id, (), (x,), where, 1, self._generation))

    def update(self, update: Update, version: int) -> list[bytes]:
        """Of each customer that came to be, or gained identifiers.

        `created`: all its identifiers are new. `merged`: the previous ids are gone, this one stays.
        `split`: a new id for what left the previous one, which lives on. `moved`: identifiers joined it,
        from the previous ids or (of none) from nowhere. `erased`: nothing is left, and nobody is named.
        """
        if not update.after and None not in update.nodes.values():
            return []
        where = self.where(list(update.nodes))
        return [
            pack(
                (
                    self._tenant,
                    kind,
                    self.at,
                    customer_id,
                    previous,
                    gained,
                    where,
                    version,
                    self._generation,
                )
            )
            for kind, customer_id, previous, gained in _changes(update)
        ]


def _changes(update: Update) -> Iterator[tuple[schemas.ChangeKind, str, list[str], list[Identifier]]]:
    if not update.before:
        for customer in update.after:
            yield "created", customer.id, [], [*customer.members]
        return
    was = {member: customer.id for customer in update.before for member in customer.members}
    existed, exist = set(was.values()), {customer.id for customer in update.after}
    told: set[str] = set()
    for customer in update.after:
        gained = [member for member in customer.members if was.get(member) != customer.id]
        if gained:
            previous = sorted({was[member] for member in gained if member in was})
            yield _kind(customer, previous, existed, exist), customer.id, previous, gained
            told.update(previous)
    if None in update.nodes.values():
        for customer_id in sorted(existed - exist - told):
            yield "erased", customer_id, [], []


def _kind(customer: Customer, previous: list[str], existed: set[str], exist: set[str]) -> schemas.ChangeKind:
    if any(customer_id not in exist for customer_id in previous):
        return "merged"
    if customer.id in existed:
        return "moved"
    return "split" if previous else "created"
