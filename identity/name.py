"""Step 4, name: which id does a customer carry?

An id must outlive merges, splits, expiry and rebuilds, and never be handed to someone else.

*Minting.* A new customer's id is a keyed hash of its anchor: the member first taken in. Two engines
that see the same customer mint the same id without talking to each other.

*Homes and keepers.* When a generation is published, each identifier gets a home: the id of the customer
that it was then part of. From then on an id goes where its keeper goes: the strongest, oldest live
identifier among those at home in it. A customer carries the oldest id whose keeper it holds. So on a
merge the oldest id survives, on a split the part with the login keeps it, and when a merge is undone
both old ids return, for nobody moved house meanwhile. See docs/decisions/0002.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from identity.facts import Seen
from identity.identifier import Identifier
from identity.keyed import Keyed
from identity.rules import Rules

_ID_BYTES = 16

# Base 32 (RFC 4648) in lower case, two digits at a time: the standard library's is written for any length,
# and took most of the time of minting. Three at a time would be a table that no cache of a processor keeps.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_DIGITS = ["".join(digits) for digits in product(_ALPHABET, repeat=2)]


class Minted(NamedTuple):
    """What an id was made from, which is also its age: of two ids the smaller tuple is the older.

    `generation` is the one that first published the id, so that a published id outlives any other.
    """

    generation: int
    first_ingested: int
    anchor: Identifier
    counter: int


class Minter:
    """Makes customer ids for one tenant. `key` keeps ids from being recomputed by outsiders."""

    def __init__(self, key: bytes, tenant: str = "default") -> None:
        self.tenant = tenant
        self._keyed = Keyed(key)

    def mint(self, anchor: Identifier, first_ingested: int, counter: int = 0) -> str:
        """The id, `c_` and 26 characters of base32, for a customer with this anchor."""
        made_from = f"{self.tenant}\0{anchor[0]}\0{anchor[1]}\0{first_ingested}\0{counter}"
        digest = self._keyed.digest(made_from.encode())
        # 26 digits are 130 bits: the last two are padding, which base 32 puts at the end.
        bits = int.from_bytes(digest[:_ID_BYTES], "big") << 2
        d, mask = _DIGITS, 0x3FF
        return (
            f"c_{d[bits >> 120]}{d[bits >> 110 & mask]}{d[bits >> 100 & mask]}{d[bits >> 90 & mask]}"
            f"{d[bits >> 80 & mask]}{d[bits >> 70 & mask]}{d[bits >> 60 & mask]}{d[bits >> 50 & mask]}"
            f"{d[bits >> 40 & mask]}{d[bits >> 30 & mask]}{d[bits >> 20 & mask]}{d[bits >> 10 & mask]}"
            f"{d[bits & mask]}"
        )


@dataclass(frozen=True)
class Published:
    """All that one generation hands to the next about ids."""

    generation: int = 0
    homes: Mapping[Identifier, str] = field(default_factory=dict)
    ids: Mapping[str, Minted] = field(default_factory=dict)

    def without(self, erased: Collection[Identifier]) -> "Published":
        """The same after an erasure: who comes again is at home nowhere. Ids stay taken."""
        homes = {x: home for x, home in self.homes.items() if x not in erased}
        return Published(self.generation, homes, self.ids)

    def territories(self, seen: Mapping[Identifier, Seen], rules: Rules) -> dict[str, list[Identifier]]:
        """Who is at home in each id, the first in line to keep it first; the erased are forgotten."""
        known = [identifier for identifier in self.homes if identifier in seen]
        known.sort(key=lambda identifier: keeper_key(identifier, seen[identifier].first_ingested, rules))
        result: dict[str, list[Identifier]] = {}
        for identifier in known:
            result.setdefault(self.homes[identifier], []).append(identifier)
        return result


NOTHING_PUBLISHED = Published()


class Customer(NamedTuple):
    """One customer: its id, its sorted identifiers, and the older ids that now mean it too."""

    id: str
    members: tuple[Identifier, ...]
    aliases: tuple[str, ...] = ()

    @property
    def lone(self) -> bool:
        """Whether it is one identifier and one id: the node says all, so stores keep no record of it."""
        return len(self.members) == 1 and not self.aliases


def keeper_key(identifier: Identifier, first_ingested: int, rules: Rules) -> tuple[int, int, Identifier]:
    """Orders identifiers by who keeps an id: the strongest type, then the oldest."""
    rank = rules.types[identifier.type].rank if identifier.type in rules.types else 2**31
    return (rank, first_ingested, identifier)


def anchor_of(members: Iterable[Identifier], seen: Mapping[Identifier, Seen]) -> Identifier:
    """The member that was taken in first."""
    return min(members, key=lambda member: (seen[member].first_ingested, member))


def new_home(home: str | None, customer: Customer) -> str:
    """Where a member lives once its customer is published: it moves only if its id went elsewhere."""
    return home if home is not None and home in (customer.id, *customer.aliases) else customer.id


class Named(NamedTuple):
    """Customers with their ids, and what each new id was minted from."""

    customers: list[Customer]
    minted: dict[str, Minted]

    def publish(self, before: Published) -> Published:
        """What the generation that publishes these customers hands on."""
        homes = dict(before.homes)
        for customer in self.customers:
            for member in customer.members:
                homes[member] = new_home(homes.get(member), customer)
        return Published(before.generation + 1, homes, {**before.ids, **self.minted})


def name(
    groups: Iterable[Sequence[Identifier]],
    seen: Mapping[Identifier, Seen],
    rules: Rules,
    minter: Minter,
    published: Published = NOTHING_PUBLISHED,
) -> Named:
    """Give every group of identifiers its customer id."""
    groups = list(groups)
    held: dict[int, list[str]] = {}
    if published.homes:
        group_of = {member: i for i, members in enumerate(groups) for member in members}
        for customer_id, residents in published.territories(seen, rules).items():
            keeper = next((resident for resident in residents if resident in group_of), None)
            if keeper is not None:
                held.setdefault(group_of[keeper], []).append(customer_id)
    used = Counter((minted.anchor, minted.first_ingested) for minted in published.ids.values())
    named = Named([], {})
    for i, members in enumerate(groups):
        ids = sorted(held.get(i, ()), key=published.ids.__getitem__)
        if not ids:
            anchor = anchor_of(members, seen)
            first_ingested = seen[anchor].first_ingested
            # Ids that this anchor gave before are kept elsewhere, or one of them would be held here.
            counter = used[anchor, first_ingested]
            ids = [minter.mint(anchor, first_ingested, counter)]
            named.minted[ids[0]] = Minted(published.generation + 1, first_ingested, anchor, counter)
        named.customers.append(Customer(ids[0], tuple(members), tuple(ids[1:])))
    return named
