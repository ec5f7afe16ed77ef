"""What happened to customers, told from an update's before and after."""

import uuid
from collections.abc import Iterator

import schemas
from identity import Customer
from identity.upkeep import Update
from schemas import Cause, CustomerChange

# Any fixed namespace does: a change that is told again gets the same id again.
_NAMESPACE = uuid.UUID("6a4cbb0e-94b5-4f57-8df4-2f3f7a0c1f64")


def changes(
    update: Update, *, tenant: str, cause: Cause | None, at: int, version: int, generation: int
) -> Iterator[CustomerChange]:
    """One change for each customer that came to be, or gained identifiers.

    `created`: all its identifiers are new. `merged`: the previous ids are gone, this one stays.
    `split`: a new id for what left the previous one, which lives on. `moved`: identifiers joined it, from
    the previous ids or (of none) from nowhere.
    """
    was = {member: customer.id for customer in update.before for member in customer.members}
    existed, exist = set(was.values()), {customer.id for customer in update.after}
    for customer in update.after:
        gained = [member for member in customer.members if was.get(member) != customer.id]
        if not gained:
            continue
        previous = sorted({was[member] for member in gained if member in was})
        kind = _kind(customer, previous, existed, exist)
        name = f"{tenant} {generation} {version} {customer.id} {cause}"
        yield CustomerChange(
            change_id=str(uuid.uuid5(_NAMESPACE, name)),
            tenant=tenant,
            kind=kind,
            at=at,
            customer_id=customer.id,
            previous=previous,
            identifiers=[schemas.Identifier(type=m.type, value=m.value) for m in gained],
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
