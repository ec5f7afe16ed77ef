"""What a record says of one person: whole where it names nobody else, and without the others where it does.

The counterpart of `schemas.striking`, which leaves what a record says of everybody else.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from identity import Facts, Identifier, Observer
from identity.tombstones import Tombstones
from schemas.events import Absorbed, Consent, Decision
from schemas.events import Identifier as Named
from schemas.striking import identify, tells, without

_NOBODY = Named(type="", value="")


class Person(NamedTuple):
    """All identifiers of a person. `erased` says up to when they were somebody's who is forgotten."""

    tenant: str
    identifiers: frozenset[Identifier]
    erased: Tombstones | None = None

    def has(self, x: Identifier, at: int) -> bool:
        """Whether what was taken in of an identifier at `at` (microseconds) is this person's."""
        return x in self.identifiers and not (self.erased and self.erased.erases(x, at))

    def is_told_in(self, text: bytes, at: int) -> bool:
        """Whether what cannot be read as a record has a value of theirs."""
        return tells(text, (x.value for x in self.identifiers if self.has(x, at)))


class Share(NamedTuple):
    """Those of a record's identifiers that are a person's, as sent; and whether it names others, too."""

    identifiers: dict[str, list[str]]
    others: bool


def share(
    observer: Observer,
    identifiers: Mapping[str, list[str]],
    attributes: Mapping[str, str],
    at: int,
    person: Person,
) -> Share | None:
    """What of a record taken in at `at` is a person's; None where it does not name them.

    Match keys name somebody, too. What can link nobody (blocked, invalid, of a type without a rule) does not.
    """
    own: dict[str, list[str]] = {}
    others = False
    for type_, raws in identifiers.items():
        for raw in raws:
            x, fault = identify(observer, type_, raw)
            if person.has(x, at):
                own.setdefault(type_, []).append(raw)
            else:
                others |= fault is None
    keys = [person.has(x, at) for x in observer.observe(Facts(), {}, attributes, at, at)]
    return Share(own, others or not all(keys)) if own or any(keys) else None


def concerning(record: Absorbed, at: int, observer: Observer, person: Person) -> tuple[Absorbed, bool] | None:
    """What a record taken in at `at` says of a person, and whether it names others; None: not the person.

    With others, it is left with the person's identifiers and without what it tells, for that may be of them;
    of a decision the other end is empty. Which steward made it is nobody's data but the steward's.
    """
    if record.tenant != person.tenant:
        return None
    if isinstance(record, Decision):
        return _decided(record, at, observer, person)
    attributes = {} if isinstance(record, Consent) else record.properties
    found = share(observer, record.identifiers, attributes, at, person)
    if found is None:
        return None
    return without(record, found.identifiers) if found.others else record, found.others


def _decided(decision: Decision, at: int, observer: Observer, person: Person) -> tuple[Decision, bool] | None:
    ends = (decision.a, decision.b)
    has = [person.has(identify(observer, end.type, end.value)[0], at) for end in ends]
    if not any(has):
        return None
    a, b = (end if own else _NOBODY for end, own in zip(ends, has, strict=True))
    why = decision.why if all(has) else ""
    return msgspec.structs.replace(decision, a=a, b=b, who="", why=why), not all(has)
