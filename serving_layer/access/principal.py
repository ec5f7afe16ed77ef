"""Who asks: a key or a person, with a tenant, scopes and budgets."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from serving_layer.access.budget import Budget, unlimited

# What each lets its holder do. Every route names the one that it wants; no scope includes another.
SCOPES: Final = {
    "lookup": "the customer id of an identifier, how sure it is, and what is permitted",
    "read": "customers: their identifiers, profile, links, history and statements",
    "update": "attributes of a customer, as the customer says them",
    "steward": "must-link, cannot-link and undo",
    "erase": "have a person forgotten",
    "four_eyes": "ask to have a person forgotten, and approve what somebody else asked for",
    "admin": "keys, rules and the audit log",
}

# Identifiers that may be asked for: so many seconds' worth at once, and never less than one list.
_BURST_S = 10
_ONE_LIST = 1_000
_DAY_S = 86_400


class Principal:
    """One who asks. Budgets are per process of a node: `share` is how many of these there are.

    `rate` is identifiers a second, `unknown` how many a day may turn out unknown; 0 is no limit. `mark` is 16
    bytes that stand for who asks and what he may.
    """

    __slots__ = ("expires", "id", "mark", "name", "rate", "scopes", "tenant", "unknown")

    def __init__(
        self,
        id_: str,
        name: str,
        tenant: str,
        scopes: Iterable[str],
        *,
        rate: int,
        unknown: int,
        share: int = 1,
        expires: float | None = None,
    ) -> None:
        self.id = id_
        self.name = name
        self.tenant = tenant
        self.scopes = frozenset(scopes)
        told = "\0".join([id_, tenant, *sorted(self.scopes)])
        self.mark = blake2b(told.encode(), digest_size=16).digest()
        self.expires = expires
        self.rate = Budget(max(rate * _BURST_S, _ONE_LIST), rate / share) if rate else unlimited()
        self.unknown = Budget(unknown / share, unknown / share / _DAY_S) if unknown else unlimited()
