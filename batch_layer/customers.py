"""Steps 3 and 4 in Spark: one component at a time becomes customers with ids, and its records.

All that a component needs stands side by side after one shuffle: its members, with the ids that they keep,
and their half-links. Who dropped out stands alone, without a customer. *The bound:* a task has one component
in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer import entries
from batch_layer.entries import Half, Person
from batch_layer.erasures import masked
from batch_layer.graph import LINK
from batch_layer.rows import Row, map_groups, map_rows
from batch_layer.silver import TIMES, identifier_of, key_of, tenant_of
from identity import Customer, Identifier, Link, Minted, Minter, Pair, Rules, Seen, Verdict
from identity.facts import NO_SIGNS
from identity.join import join
from identity.name import keeper_key, new_home
from identity.tombstones import Tombstones
from schemas.blocks import Entry, alone, packed
from schemas.records import MINE, THEIRS, decode_signs

_MEMBER = [
    ("x", pa.string()),
    ("code", pa.int32()),
    ("first_ingested", pa.int64()),
    ("fault", pa.string()),
    ("customer", pa.string()),
    ("home", pa.string()),
]
_CUSTOMER = [
    ("tenant", pa.string()),
    ("customer", pa.string()),
    ("identifiers", pa.int32()),
    ("component", pa.int64()),
    ("aliases", pa.list_(pa.string())),
    ("anchor", pa.string()),
    ("first_ingested", pa.int64()),
    ("counter", pa.int32()),
]
_REFUSED = [("a", pa.string()), ("b", pa.string()), ("reason", pa.string())]
_ENTRY = [("key", pa.binary()), ("value", pa.binary())]
# Each row is one of the four.
_FOUND = pa.schema(
    [
        ("member", pa.struct(_MEMBER)),
        ("named", pa.struct(_CUSTOMER)),
        ("refused", pa.struct(_REFUSED)),
        ("entry", pa.struct(_ENTRY)),
    ]
)

# A member of a component, or, with z, a half-link of one.
_MEMBERS = ("root", "xi", "x", *TIMES, "code", "fault", "home", "held", "minted", "signs", "stale")
_HALVES = ("root", "xi", "z", *LINK, "state")
_COLUMNS = ("root", "xi", "x", "z", *LINK, "state", *_MEMBERS[6:])


def of_components(
    members: DataFrame,
    half: DataFrame,
    rules: Rules,
    as_of: int | None,
    id_key: bytes,
    generation: int,
    erased: Mapping[str, Tombstones] | None = None,
) -> DataFrame:
    """`member, named, refused, entry`: of each row one is there, the others are null.

    `members` has `root, xi, x`, times, `code, fault, home, held, minted, signs, stale` of every identifier;
    `half` has `root, xi, z`, the columns of a link, and `state`, null where both ends keep it.
    """
    state = f.coalesce("state", f.lit(MINE | THEIRS)).alias("state")
    people = members.select(*[name if name in _MEMBERS else f.lit(None).alias(name) for name in _COLUMNS])
    ties = half.withColumn("state", state).select(
        *[name if name in _HALVES else f.lit(None).alias(name) for name in _COLUMNS]
    )
    step = _Step(rules, as_of, id_key, generation, dict(erased or {}))
    return map_groups(people.union(ties), ["root"], step, _FOUND)


def of_ids(scattered: DataFrame) -> DataFrame:
    """`key, value` of the ids that no one component tells of; see `names.residents`."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for customer, generation, first_ingested, anchor, counter, residents in rows:
            minted = Minted(generation, first_ingested, identifier_of(anchor), counter)
            line = [identifier_of(x) for x in residents]
            yield from alone([entries.of_id(tenant_of(anchor), customer, minted, line)])

    return map_rows(scattered, step, pa.schema(_ENTRY))


def part(found: DataFrame, name: str) -> DataFrame:
    """The rows of one kind, `member`, `named`, `refused` or `entry`, in their own columns."""
    return found.where(f.col(name).isNotNull()).select(f"{name}.*")


@dataclass(frozen=True)
class _Step:
    """From the rows of one component to what is found out of it."""

    rules: Rules
    as_of: int | None
    id_key: bytes
    generation: int
    erased: Mapping[str, Tombstones]

    def __call__(self, rows: list[Row]) -> Iterator[Row]:
        tenant, people = _people(rows)
        if len(people) == 1:
            (person,) = people.values()
            if person.fault is not None:
                yield _member(tenant, person, None)
                yield from _packed(rows[0][0], entries.of_nobody(tenant, person, self.rules, self.as_of))
                return
        groups, refused = join(people, *_ties(people), self.rules)
        minter = _minter(self.id_key, tenant)
        made: dict[Customer, list[Person]] = {}
        ids: dict[str, Minted] = {}
        for group in groups:
            customer, minted = self._named(group, people, minter)
            housed = made[customer] = []
            if minted is not None:
                ids[customer.id] = minted
            for x in group:
                person = people[x]
                ids |= _settled(person)
                new = minted is not None and x == minted.anchor
                housed.append(
                    person._replace(home=new_home(person.home, customer), minted=person.minted + new)
                )
                yield _member(tenant, housed[-1], customer.id)
            yield _customer(tenant, customer, rows[0][0], minted)
        for a, b, reason in refused:
            yield (None, None, (key_of(tenant, a), key_of(tenant, b), reason), None)
        yield from _packed(rows[0][0], self._records(tenant, made, ids))

    def _named(
        self, group: list[Identifier], people: dict[Identifier, Person], minter: Minter
    ) -> tuple[Customer, Minted | None]:
        """A customer, and what its id is minted from if it is new."""
        ages = sorted(_age(age) for x in group for age in people[x].held)
        if ages:
            first, *others = [customer for _, customer in ages]
            return Customer(first, tuple(group), tuple(others)), None
        first_ingested, anchor = min((people[x].seen.first_ingested, x) for x in group)
        counter = people[anchor].minted
        customer = Customer(minter.mint(anchor, first_ingested, counter), tuple(group))
        return customer, Minted(self.generation, first_ingested, anchor, counter)

    def _records(
        self, tenant: str, made: dict[Customer, list[Person]], ids: dict[str, Minted]
    ) -> Iterator[Entry]:
        residents = defaultdict(list)
        for customer, people in made.items():
            yield from entries.of_customer(tenant, customer, people, self.rules, self.as_of)
            for person in people:
                residents[person.home].append(person)
        for customer_id, minted in ids.items():
            at_home = residents[customer_id]
            line = sorted(keeper_key(p.identifier, p.seen.first_ingested, self.rules) for p in at_home)
            origin = masked(minted, self.erased.get(tenant))
            yield entries.of_id(tenant, customer_id, origin, [x for *_, x in line])


@lru_cache(maxsize=256)
def _minter(id_key: bytes, tenant: str) -> Minter:
    """One for all customers of a tenant: making it costs as much as minting."""
    return Minter(id_key, tenant)


def _people(rows: list[Row]) -> tuple[str, dict[Identifier, Person]]:
    """The tenant, and the members with their half-links."""
    halves: defaultdict[int, list[Half]] = defaultdict(list)
    members = []
    for row in rows:
        z = row[3]
        if z is None:
            members.append(row)
        else:
            halves[row[1]].append(Half(identifier_of(z), row[4:9], row[9]))
    people = {}
    for _, xi, key, _, *seen, _, _, _, code, fault, home, held, minted, signs, stale in members:
        x = identifier_of(key)
        told = NO_SIGNS if signs is None else decode_signs(signs)
        people[x] = Person(x, Seen(*seen), code, fault, home, held or [], minted, halves[xi], told, stale)
    return tenant_of(members[0][2]), people


def _ties(people: dict[Identifier, Person]) -> tuple[list[tuple[Pair, Link]], list[Pair]]:
    """The live links, and who is to be kept apart."""
    links, foes = [], []
    for x, person in people.items():
        for half in person.halves:
            z = half.other
            if x < z and half.is_live:
                links.append(((x, z), half.link))
            elif x < z and half.times[3] == Verdict.CANNOT and z in people:
                foes.append((x, z))
    return links, foes


def _age(held: dict[str, Any]) -> tuple[Minted, str]:
    """What an id that somebody keeps was minted from, and the id: of two the smaller is the older."""
    anchor = identifier_of(held["anchor"])
    return Minted(held["generation"], held["first_ingested"], anchor, held["counter"]), held["customer"]


def _settled(person: Person) -> dict[str, Minted]:
    """The ids that somebody keeps and in which only his component is at home."""
    ages = [_age(held) for held in person.held if not held["scattered"]]
    return {customer: minted for minted, customer in ages}


def _member(tenant: str, person: Person, customer: str | None) -> Row:
    key = key_of(tenant, person.identifier)
    member = (key, person.code, person.seen.first_ingested, person.fault, customer, person.home)
    return (member, None, None, None)


def _customer(tenant: str, customer: Customer, component: int, minted: Minted | None) -> Row:
    origin: Row = (None, None, None)
    if minted is not None:
        origin = (key_of(tenant, minted.anchor), minted.first_ingested, minted.counter)
    row = (tenant, customer.id, len(customer.members), component, customer.aliases, *origin)
    return (None, row, None, None)


def _packed(number: int, records: Iterable[Entry]) -> Iterator[Row]:
    return ((None, None, None, entry) for entry in packed(number, records))
