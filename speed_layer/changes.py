"""What happened to customers, told from an update's before and after."""

from collections.abc import Iterator

import schemas
from identity import Customer
from identity.upkeep import Update
from schemas import Cause, CustomerChange


def changes(
    update: Update, *, tenant: str, cause: Cause | None, at: int, version: int, generation: int
) -> Iterator[CustomerChange]:
    """One change for each customer that came to be, or gained identifiers.

    `created`: all its identifiers are new. `merged`: the previous ids are gone, this one stays.
    `split`: a new id for what left the previous one, which lives on. `moved`: identifiers joined it, from
    the previous ids or (of none) from nowhere. A change that is told again has the same `change_id`: a
    customer has one change of a version on a generation.
    """
    was = {member: customer.id for customer in update.before for member in customer.members}
    existed, exist = set(was.values()), {customer.id for customer in update.after}
    for customer in update.after:
        gained = [member for member in customer.members if was.get(member) != customer.id]
        if not gained:
            continue
        previous = sorted({was[member] for member in gained if member in was})
        yield CustomerChange(
            change_id=f"{customer.id}.{generation}.{version}",
            tenant=tenant,
            kind=_kind(customer, previous, existed, exist),
            at=at,
            customer_id=customer.id,
            previous=previous,
            identifiers=[schemas.Identifier(*member) for member in gained],
            cause=cause,
            version=version,
            generation=generation,
        )


def _kind(customer: Customer, previous: list[str], existed: set[str], exist: set[str]) -> schemas.ChangeKind:
    if any(customer_id not in exist for customer_id in previous):
        return "merged"
    if customer.id in existed:
        return "moved"
    return "split" if previous else "created"
