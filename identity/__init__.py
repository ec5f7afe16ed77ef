"""The rules of identity: pure, no I/O, no clock; the only place where "same customer" is decided."""

from identity.errors import IdentityError, InvalidValueError, RuleError, UnknownTypeError
from identity.facts import Facts, Link, Seen, Verdict
from identity.identifier import Identifier, Pair, pair
from identity.join import Refused
from identity.name import NOTHING_PUBLISHED, Customer, Minted, Minter, Published
from identity.observe import Observer
from identity.resolve import Resolution, resolve
from identity.rules import Rules, TypeRule

__all__ = [
    "NOTHING_PUBLISHED",
    "Customer",
    "Facts",
    "Identifier",
    "IdentityError",
    "InvalidValueError",
    "Link",
    "Minted",
    "Minter",
    "Observer",
    "Pair",
    "Published",
    "Refused",
    "Resolution",
    "RuleError",
    "Rules",
    "Seen",
    "TypeRule",
    "UnknownTypeError",
    "Verdict",
    "pair",
    "resolve",
]
