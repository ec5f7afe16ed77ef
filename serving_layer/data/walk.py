"""All identifiers of a tenant, with their customers, a few at a time: the generation's, then the stream's.

Order is that of the generation's keys, which are hashes, and then that of Redis' SCAN over what only the
overlay knows. An identifier has one key for as long as it lives, so each comes once, as it is when it is
read. (What Redis scans twice, as it may while its table grows, comes twice.) A customer comes with its first
identifier: one that changes meanwhile may come twice, or not at all, and the log of changes has it
(docs/decisions/0016).
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from schemas import overlay, records
from serving_layer.data.places import Above, Beneath, Place
from serving_layer.data.steps import Row, Step, looked
from serving_layer.generations import Standing
from serving_layer.reading import Freshness, Look
from serving_layer.shapes import CustomerRow, Identifier, IdentifierRow
from serving_layer.shared import Shared

# Identifiers that are read at a time: lookups that come meanwhile wait for some milliseconds.
TOGETHER: Final = 200

# Keys of Redis that are scanned at a time, at least: most may be of another kind, or tenant.
FEWEST: Final = 32

Pick = Callable[[bytes, bytes, bytes | None], Row | None]
"""The row of an identifier, if it has one: by its hash, its encoded node, and its customer's."""


class Walk:
    """All rows that `pick` makes of a tenant's identifiers."""

    def __init__(self, shared: Shared, tenant: str, pick: Pick) -> None:
        self._shared = shared
        self._tenant = tenant
        self._pick = pick
        self._prefix = records.tenant_prefix(b"n", tenant)

    async def begin(self) -> Place:
        """See `Source`."""
        return Beneath((await looked(self._shared, Look([]), None)).standing.number)

    async def step(self, place: Place, most: int) -> Step:
        """See `Source`."""
        if isinstance(place, Beneath):
            return await self._beneath(place, most)
        assert isinstance(place, Above), "a walk leads to nowhere else"
        return await self._above(place, most)

    async def _beneath(self, place: Beneath, most: int) -> Step:
        standing = await self._standing(place.generation)
        found = standing.generation.keys(self._prefix, place.shard, place.after)
        keys = [(shard, key) for shard, key in islice(found, TOGETHER) if self._is_ours(key)]
        if not keys:
            return Step([], Above(place.generation), more=True)
        rows, passed, freshness = await self._rows([key for _, key in keys], place.generation, most)
        return Step(rows, Beneath(place.generation, *keys[passed - 1]), more=True, freshness=freshness)

    async def _above(self, place: Above, most: int) -> Step:
        keys, scan = [self._prefix + digest for digest in place.left], place.scan
        if not keys:
            scan, found = await self._shared.scan(scan or 0, self._pattern(place), max(most, FEWEST))
            standing = await self._standing(place.generation)
            start = len(overlay.view_prefix(place.generation))
            scanned = [key[start:] for key in found if self._is_ours(key[start:])]
            beneath = standing.generation.get(scanned)
            keys = [key for key in scanned if key not in beneath]
        rows, passed, freshness = await self._rows(keys, place.generation, most)
        left = [key[-records.DIGEST :] for key in keys[passed:]]
        return Step(rows, Above(place.generation, left, scan), bool(left or scan), freshness)

    async def _rows(
        self, keys: Sequence[bytes], generation: int, most: int
    ) -> tuple[list[Row], int, Freshness]:
        """At most so many rows of these identifiers, and how many of these that took."""
        look = Look([(self._tenant, key) for key in keys])
        reading = await looked(self._shared, look, generation)
        rows: list[Row] = []
        for passed, (key, node, customer) in enumerate(
            zip(keys, reading.nodes, reading.customers, strict=True), 1
        ):
            row = self._pick(key[-records.DIGEST :], node, customer) if node else None
            if row is not None:
                rows.append(row)
                if len(rows) == most:
                    return rows, passed, reading.freshness
        return rows, len(keys), reading.freshness

    async def _standing(self, generation: int) -> Standing:
        """The generation, open. Raises Refused (410)."""
        standing = self._shared.generations.current
        if standing.number != generation:
            standing = (await looked(self._shared, Look([]), generation)).standing
        return standing

    def _is_ours(self, key: bytes) -> bool:
        return key.startswith(self._prefix) and len(key) == len(self._prefix) + records.DIGEST

    def _pattern(self, place: Above) -> bytes:
        """What SCAN is to match. A tenant's name may hold what means something else in a pattern."""
        return (
            re.sub(rb"([*?\[\]^\\-])", rb"\\\1", overlay.view_prefix(place.generation) + self._prefix) + b"*"
        )


def identifier_rows(type_: str | None) -> Pick:
    """Every identifier that has a customer; of one type, or of all."""

    def pick(_: bytes, node: bytes, customer: bytes | None) -> IdentifierRow | None:
        its_type, value, customer_id = records.identifier_and_customer(node)
        if type_ not in {None, its_type}:
            return None
        if customer:
            customer_id = records.plain_customer(customer)[0]
        elif not records.is_lone(node):
            return None
        return IdentifierRow(type=its_type, value=value, customer_id=customer_id)

    return pick


def customer_rows(type_: str | None) -> Pick:
    """Every customer, with its first identifier; those that have one of a type, or all."""

    def pick(digest: bytes, node: bytes, customer: bytes | None) -> CustomerRow | None:
        if customer and records.customer_digest(node) == digest:
            id_, members, aliases = records.plain_customer(customer)
        elif not customer and records.is_lone(node):
            its_type, value, id_ = records.identifier_and_customer(node)
            members, aliases = [(its_type, value)], []
        else:
            return None
        return customer_row(id_, members, aliases, type_)

    return pick


def customer_row(
    id_: str, members: Sequence[Sequence[str]], aliases: Sequence[str], type_: str | None
) -> CustomerRow | None:
    """The row of a customer, if it has an identifier of that type."""
    if type_ is not None and all(member[0] != type_ for member in members):
        return None
    identifiers = [Identifier(type=member[0], value=member[1]) for member in members]
    return CustomerRow(customer_id=id_, identifiers=identifiers, aliases=list(aliases))
