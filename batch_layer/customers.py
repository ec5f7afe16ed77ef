"""Steps 3 and 4 in Spark: one component at a time becomes customers with ids, and records.

All that a component needs stands side by side after one shuffle: its members, each with the ids that it
keeps, and its links where they can matter. *The bound:* a task has one component in memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.graph import LINK, link_of
from batch_layer.numbers import chosen
from batch_layer.rows import Row, map_groups
from batch_layer.silver import identifier_of, key_of, tenant_of
from identity import Customer, Identifier, Link, Minter, Pair, Rules, Verdict
from identity.graph import Component
from identity.join import join
from identity.name import new_home
from schemas import records

_MEMBER = [
    ("xi", pa.int64()),
    ("customer", pa.string()),
    ("label", pa.string()),
    ("home", pa.string()),
    ("minted", pa.int32()),
    ("lone", pa.bool_()),
    ("whole", pa.bool_()),
    ("apart", pa.string()),
]
_CUSTOMER = [
    ("customer", pa.string()),
    ("identifiers", pa.int32()),
    ("aliases", pa.list_(pa.string())),
    ("anchor", pa.string()),
    ("first_ingested", pa.int64()),
    ("counter", pa.int32()),
]
_REFUSED = [("label", pa.string()), ("a", pa.string()), ("b", pa.string()), ("reason", pa.string())]
_RECORD = [("key", pa.binary()), ("value", pa.binary())]
# Each row is one of the four.
_FOUND = pa.schema(
    [
        ("member", pa.struct(_MEMBER)),
        ("named", pa.struct(_CUSTOMER)),
        ("refused", pa.struct(_REFUSED)),
        ("record", pa.struct(_RECORD)),
    ]
)


class _Person(NamedTuple):
    """A row of a member or, with z, of a link."""

    root: int
    x: str
    xi: int | None
    z: str | None
    first_seen: int | None
    last_seen: int | None
    first_ingested: int
    verdict: int | None
    decided_at: int | None
    home: str | None
    held: list[dict[str, str | int]] | None
    minted: int


def contested(members: DataFrame, foes: DataFrame, rules: Rules) -> DataFrame:
    """`root` of the components in which a limit or a cannot-link may refuse something.

    In all others every link joins its ends, whatever the order: what the whole does not break no part of it
    breaks, and `identity.join` does not look at their links. `members` has `root, xi, code`; `foes` has
    `xi, zi` of cannot-links.
    """
    limits = [rule.max for rule in rules.types.values()]
    counts = members.groupBy("root", "code").agg(f.count("*").alias("members"))
    crowded = counts.where(f.col("members") > chosen(limits, f.col("code"))).select("root")
    near = foes.join(members.select("xi", "root"), "xi")
    far = members.select(f.col("xi").alias("zi"), f.col("root").alias("other"))
    return crowded.union(near.join(far, "zi").where("root = other").select("root")).distinct()


def customers(members: DataFrame, links: DataFrame, rules: Rules, id_key: bytes) -> DataFrame:
    """`member, named, refused, record`: of each row one is there, the others are null.

    `members` has `root, x, xi, first_ingested, home, held, minted`; `links` has `root, x, z` and the columns
    of a link: the live ones and the cannot-links of contested components.
    """

    def rows(frame: DataFrame, *there: str) -> DataFrame:
        return frame.select(*[name if name in there else f.lit(None).alias(name) for name in _Person._fields])

    people = rows(members, "root", "x", "xi", "first_ingested", "home", "held", "minted")
    ties = rows(links, "root", "x", "z", *LINK)

    def step(group: list[Row]) -> Iterator[Row]:
        return _component([_Person(*row) for row in group], rules, id_key)

    return map_groups(people.unionByName(ties), ["root"], step, _FOUND)


def part(found: DataFrame, name: str) -> DataFrame:
    """The rows of one kind, `member`, `named`, `refused` or `record`, in their own columns."""
    return found.where(f.col(name).isNotNull()).select(f"{name}.*")


def _component(rows: list[_Person], rules: Rules, id_key: bytes) -> Iterator[Row]:
    tenant = tenant_of(rows[0].x)
    minter = Minter(id_key, tenant)
    people = {identifier_of(row.x): row for row in rows if row.z is None}
    links, foes = _ties([row for row in rows if row.z is not None], people)
    groups, refused = join(people, links, foes, rules)
    named = [_named(group, people, minter) for group in groups]
    component = Component(tuple(sorted(customer for customer, _ in named)), tuple(sorted(refused)))
    label, lone, whole, large = (
        key_of(tenant, component.label),
        component.lone,
        component.whole,
        component.large,
    )
    for customer, anchor in named:
        apart = key_of(tenant, customer.members[0]) if large else None
        for x in customer.members:
            row = people[x]
            place = (customer.id, label, new_home(row.home, customer), row.minted + (x == anchor))
            yield ((row.xi, *place, lone, whole, apart), None, None, None)
        first = people[anchor] if anchor is not None else None
        origin = (first.x, first.first_ingested, first.minted) if first is not None else (None, None, None)
        yield (None, (customer.id, len(customer.members), customer.aliases, *origin), None, None)
    for a, b, reason in component.refused:
        yield (None, None, (label, key_of(tenant, a), key_of(tenant, b), reason), None)
    for record in _records(tenant, component):
        yield (None, None, None, record)


def _ties(
    rows: list[_Person], people: dict[Identifier, _Person]
) -> tuple[list[tuple[Pair, Link]], list[Pair]]:
    """The live links, and who is to be kept apart."""
    links, foes = [], []
    for row in rows:
        ends = identifier_of(row.x), identifier_of(str(row.z))
        link = link_of(row[4:9])
        if link.verdict != Verdict.CANNOT:
            links.append((ends, link))
        elif ends[0] in people and ends[1] in people:
            foes.append(ends)
    return links, foes


def _named(
    group: list[Identifier], people: dict[Identifier, _Person], minter: Minter
) -> tuple[Customer, Identifier | None]:
    """A customer, and the anchor of its id if that is new."""
    ages = sorted(tuple(age.values()) for x in group for age in people[x].held or ())
    if ages:
        first, *others = [str(age[-1]) for age in ages]
        return Customer(first, tuple(group), tuple(others)), None
    first_ingested, anchor = min((people[x].first_ingested, x) for x in group)
    return Customer(minter.mint(anchor, first_ingested, people[anchor].minted), tuple(group)), anchor


def _records(tenant: str, component: Component) -> Iterator[tuple[bytes, bytes]]:
    if component.large:
        for first, part in records.parts(component).items():
            yield (records.part_key(tenant, first), records.encode_component(part))
        yield (records.large_key(tenant, component.label), records.encode_large(component))
    elif not component.lone:
        yield (records.component_key(tenant, component.label), records.encode_component(component))
