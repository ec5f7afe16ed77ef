"""What triggers ask of others. `deploy` says who answers; all of it may be slow, and is called in threads."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from identity import Customer


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


class Permissions(Protocol):
    """What customers have consented to."""

    def may_send(self, tenant: str, customer_id: str, purpose: str, channel: str) -> bool:
        """Whether a customer permits a purpose over a channel, at this moment. Raises Unavailable."""
