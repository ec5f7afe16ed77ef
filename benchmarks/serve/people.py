"""Made-up customers as records, a million of them in a minute: a few shapes, resolved once, then numbered.

Each shape is one customer that went through the rules, in a view in memory. Its records hold the number
00000000 wherever a name does; another customer of that shape has another number of eight digits in its place,
an id of its own, and keys that are hashed anew. So records are those that the rules make, byte for byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from deploy.beginning import STARTER_RULES
from identity import Facts, Identifier, Minter, Rules, resolve, rulefile
from identity.consent import Claims
from identity.memory import MemoryView
from identity.profile import Claim, merged
from schemas import records
from schemas.blocks import Entry, alone
from schemas.claims import encode_registers, profile_key

TENANT: Final = "default"
_ZERO: Final = "00000000"
START: Final = 1_748_736_000_000_000  # 2025-06-01, in microseconds

Event = dict[str, str]

LOGIN, EMAIL = f"u-{_ZERO}", f"kim.garcia{_ZERO}@example.com"
COOKIES = [f"GA1.2.{_ZERO}.{i}" for i in range(3)]

# What was seen together. Of ten customers one has a cookie alone, seven have a login, five an address, and of
# these three were never seen with the login: from such an address it is two steps.
SHAPES: Final[tuple[tuple[Event, ...], ...]] = (
    ({"cookie": COOKIES[0]},),
    ({"login": LOGIN, "cookie": COOKIES[0]},),
    ({"login": LOGIN, "cookie": COOKIES[0]}, {"login": LOGIN, "cookie": COOKIES[1]}),
    ({"login": LOGIN, "cookie": COOKIES[0]}, {"login": LOGIN, "cookie": COOKIES[1]}),
    ({"login": LOGIN, "cookie": COOKIES[0]}, {"login": LOGIN, "email": EMAIL, "cookie": COOKIES[1]}),
    ({"login": LOGIN, "cookie": COOKIES[0]}, {"email": EMAIL, "cookie": COOKIES[0]}),
    (
        {"login": LOGIN, "cookie": COOKIES[0]},
        {"email": EMAIL, "cookie": COOKIES[1]},
        {"login": LOGIN, "cookie": COOKIES[1]},
    ),
    (
        {"login": LOGIN, "cookie": COOKIES[2]},
        {"email": EMAIL, "cookie": COOKIES[2]},
        {"login": LOGIN, "cookie": COOKIES[1]},
    ),
    ({"email": EMAIL, "cookie": COOKIES[0]},),
    ({"email": EMAIL, "cookie": COOKIES[0]}, {"email": EMAIL, "cookie": COOKIES[1]}),
)


class Shape(NamedTuple):
    """The records of customer 0 of one shape, by what names each."""

    id: str
    anchor: Identifier
    first_ingested: int
    first: Identifier
    nodes: list[tuple[Identifier, bytes]]
    customer: bytes | None
    id_record: bytes


class Said(NamedTuple):
    """What identifiers permit, and what is claimed of them, by attribute."""

    permits: dict[Identifier, Claims]
    claims: dict[Identifier, Mapping[str, Sequence[Claim]]]


class People:
    """Customers by their numbers, whose shapes take turns; of whom nothing is known but who they are."""

    rules_text: ClassVar = STARTER_RULES.read_text(encoding="utf-8")

    def __init__(self, key: bytes) -> None:
        self.rules: Final = rulefile.parse(self.rules_text)
        self._minter = Minter(key, TENANT)
        self.shapes = [_shape(self.facts(events), self.rules, self._minter) for events in SHAPES]

    def facts(self, events: Iterable[Event], at: int = START) -> Facts:
        """What events say, one after the other."""
        found = Facts()
        for number, event in enumerate(events):
            found.add_sighting([Identifier(*pair) for pair in event.items()], at + number, at + number)
        return found

    def says(self, known: Sequence[Identifier], at: int = START) -> Said:  # noqa: ARG002 - who says nothing
        """What identifiers of one customer, met together, say besides."""
        return Said({}, {})

    def told(self, number: int) -> Iterator[Entry]:
        """The entries of a customer in a generation that are no graph's: claims, and registers."""
        permits, by_owner = self.says(self.identifiers(number))
        told = [
            (records.claims_key(TENANT, x), records.encode_claims(claims.items()))
            for x, claims in permits.items()
        ]
        for x, by_name in by_owner.items():
            registers = merged(self.rules, {name: tuple(some) for name, some in by_name.items()})
            told.append((profile_key(TENANT, x), encode_registers(registers)))
        return alone(told)

    def identifiers(self, number: int) -> list[Identifier]:
        """What a customer is known by."""
        shape = self.shapes[number % len(SHAPES)]
        return [_numbered(x, number) for x, _ in shape.nodes]

    def id(self, number: int) -> str:
        """A customer's id."""
        shape = self.shapes[number % len(SHAPES)]
        return self._minter.mint(_numbered(shape.anchor, number), shape.first_ingested)

    def records(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Keys and records of a customer."""
        shape = self.shapes[number % len(SHAPES)]
        zero, digits = _ZERO.encode(), f"{number:08d}".encode()
        customer_id = self.id(number)
        old, new = shape.id.encode(), customer_id.encode()
        first = records.identifier_digest(_numbered(shape.first, number))

        def mine(record: bytes) -> bytes:
            return record.replace(zero, digits).replace(old, new)

        for x, node in shape.nodes:
            body = mine(node[records.DIGEST :])
            place = first if shape.customer is not None else node[: records.DIGEST]
            yield records.node_key(TENANT, _numbered(x, number)), place + body
        if shape.customer is not None:
            yield records.customer_key_of(TENANT, first), mine(shape.customer)
        yield records.id_key(TENANT, customer_id), mine(shape.id_record)


def _shape(known: Facts, rules: Rules, minter: Minter) -> Shape:
    resolution = resolve(known, rules, minter=minter)
    published = resolution.publish()
    view = MemoryView(rules, minter)
    view.apply(known)
    view.publish(published)
    ((id_, minted),) = published.ids.items()
    nodes = view.nodes(known.seen)
    (customer,) = view.all_customers
    (id_record,) = view.ids([id_]).values()
    return Shape(
        id_,
        minted.anchor,
        minted.first_ingested,
        customer.members[0],
        [(x, records.encode_node(node)) for x, node in nodes.items()],
        None if customer.lone else records.encode_customer(customer),
        records.encode_id(id_record),
    )


def _numbered(x: Identifier, number: int) -> Identifier:
    return Identifier(x.type, x.value.replace(_ZERO, f"{number:08d}"))
