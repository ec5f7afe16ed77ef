"""What triggers ask of others. `deploy` says who answers; all of it may be slow, and is called in threads."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from identity import Customer, Rules
from schemas.turned import Turned


class Customers(Protocol):
    """Who is who, by the view that everybody reads."""

    def of(self, events: Sequence[Mapping[str, Sequence[str]]]) -> list[str | None]:
        """The customer of each event, by its identifiers (type -> raw values); None where there is none.

        Raises NotYet where an identifier is new and waits, and Unavailable.
        """

    def current(self, customer_id: str) -> Customer | None:
        """Whom an id means now, be it its own or one from before a merge; None where nobody has it.

        Raises Unavailable where that cannot be known.
        """


class Membership(NamedTuple):
    """The segments that a customer is in by now, and those by the generation alone.

    The generation, whose cut-off is `offsets` (its own number among them, see `schemas.turned`), knows the
    customer as it was then: other members, or none.
    """

    now: Sequence[str]
    published: Sequence[str]
    offsets: Mapping[str, Mapping[int, int]]


class Memberships(Protocol):
    """Who is in which segments, by the view that everybody reads."""

    def rules(self) -> Rules:
        """The rules in force. Raises Unavailable."""

    def of(self, customer: Customer) -> Membership:
        """The segments of a customer. Raises Unavailable."""


class Turns(Protocol):
    """What generations changed by themselves."""

    def since(self, number: int) -> tuple[int, list[tuple[int, Turned]]]:
        """The generation that readers stand on, and what each did after that of a number, oldest first.

        Raises Unavailable.
        """


class Permissions(Protocol):
    """What customers have consented to."""

    def may_send(self, tenant: str, customer_id: str, purpose: str, channel: str) -> bool:
        """Whether a customer permits a purpose over a channel, at this moment. Raises Unavailable."""
