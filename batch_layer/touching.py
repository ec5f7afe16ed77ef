"""What new facts touch, as rows: the driver's part of an incremental run.

Nodes come from the generation by their keys, so what is not touched is not read. *The bound:* `MOST` facts
and second looks, each with its component in memory: about 20 kB where a component has five identifiers.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from batch_layer.rows import Row
from batch_layer.silver import LINK, SIGHTING, SIGN, identifier_of, key_of, sign_of, tenant_of
from batch_layer.stored import Stored
from identity import Facts, Identifier, Link, Rules, Seen, Verdict
from identity.facts import NO_SIGNS
from identity.graph import Node
from identity.touched import Touched, touched
from schemas import records
from schemas.blocks import block_key
from schemas.generation import Generation

# Beyond so many a run computes everything anew.
MOST = 400_000

_TIMES = [("first_seen", pa.int64()), ("last_seen", pa.int64()), ("first_ingested", pa.int64())]
_DECIDED = [("verdict", pa.int32()), ("decided_at", pa.int64())]
_MINTED = [
    ("generation", pa.int64()),
    ("first_ingested", pa.int64()),
    ("anchor", pa.string()),
    ("counter", pa.int32()),
]
_HELD = pa.struct([*_MINTED, ("customer", pa.string()), ("scattered", pa.bool_())])

_SCHEMAS = {
    # As `customers.of_components` takes them, and with the home that they had.
    "people": pa.schema(
        [
            ("root", pa.int64()),
            ("xi", pa.int64()),
            ("x", pa.string()),
            *_TIMES,
            ("code", pa.int32()),
            ("fault", pa.string()),
            ("home", pa.string()),
            ("held", pa.list_(_HELD)),
            ("minted", pa.int32()),
            ("signs", pa.binary()),
            ("stale", pa.int64()),
        ]
    ),
    "ties": pa.schema(
        [
            ("root", pa.int64()),
            ("xi", pa.int64()),
            ("z", pa.string()),
            *_TIMES,
            *_DECIDED,
            ("state", pa.int32()),
        ]
    ),
    # What is new or other in silver.
    "seen": pa.schema([("x", pa.string()), *_TIMES]),
    "links": pa.schema([("a", pa.string()), ("b", pa.string()), *_TIMES, *_DECIDED]),
    # Ids that no one component tells of, and who is at home in them and not touched.
    "ids": pa.schema([("customer", pa.string()), *_MINTED]),
    "outside": pa.schema(
        [("x", pa.string()), ("code", pa.int32()), ("first_ingested", pa.int64()), ("home", pa.string())]
    ),
    # What was there of those who are touched: customers, and the keys of records and blocks.
    "customers": pa.schema([("tenant", pa.string()), ("customer_id", pa.string())]),
    "gone": pa.schema([("key", pa.binary()), ("value", pa.binary())]),
}


@dataclass
class Touching:
    """The rows, by the names of `_SCHEMAS`; `people` and `ties` have the place of their component as `root`.

    By that place, `names` are what stands for the components, and `numbers` those that they got. `gone` are
    the keys of all records and blocks that were theirs. `found` counts identifiers that were not known.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _SCHEMAS})
    names: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    gone: set[bytes] = field(default_factory=set)
    found: int = 0

    def number(self, generation: Generation, is_taken: Callable[[list[int]], bool]) -> None:
        """Give each component a number that is none of another's in the generation.

        `is_taken` says whether a customer who is not touched has one of some numbers.
        """
        for seed in count():
            self.numbers = [_number(name, seed) for name in self.names]
            blocks = {block_key(number) for number in self.numbers}
            if len(blocks) < len(self.numbers) or generation.has(blocks - self.gone):
                continue
            if not is_taken(self.numbers):
                return

    def frame(self, spark: SparkSession, name: str) -> DataFrame:
        """Some of the rows."""
        schema = _SCHEMAS[name]
        rows = [(key, None) for key in self.gone] if name == "gone" else self.rows[name]
        columns: Iterable[Any] = zip(*rows, strict=True) if rows else [()] * len(schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        if schema.names[0] == "root":
            arrays[0] = pa.array([self.numbers[place] for place in arrays[0].to_pylist()], pa.int64())
        return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=schema))


def facts_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Facts]:
    """Merged facts by tenant, from rows as `silver.facts` makes them."""
    tenants: defaultdict[str, Facts] = defaultdict(Facts)
    for row in rows:
        kind, a, b = row["kind"], row["a"], row["b"]
        if kind == SIGHTING:
            seen = Seen(row["first_seen"], row["last_seen"], row["first_ingested"])
            tenants[tenant_of(a)].update(Facts(seen={identifier_of(a): seen}))
        elif kind == LINK:
            link = Link(
                row["first_seen"],
                row["last_seen"],
                row["first_ingested"],
                Verdict(row["verdict"]),
                row["decided_at"],
            )
            ends = (identifier_of(a), identifier_of(b))
            tenants[tenant_of(a)].update(Facts(links={ends: link}))
        elif kind == SIGN:
            tenants[tenant_of(a)].add_signs(identifier_of(a), sign_of(row["reason"], row["last_seen"]))
    return dict(tenants)


def touching(
    generation: Generation,
    facts: Mapping[str, Facts],
    again: Mapping[str, Collection[Identifier]],
    rules: Rules,
    as_of: int | None,
) -> Touching:
    """What new facts, and identifiers that need a second look, touch; both by tenant."""
    made = _Making(generation, rules)
    with _uncollected():
        for tenant in sorted({*facts, *again}):
            view = Stored(generation, tenant)
            made.add(view, touched(view, facts.get(tenant, Facts()), again.get(tenant, ()), rules, as_of))
    return made.made


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage: there is none, and looking at all that is held takes as long as the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Making:
    def __init__(self, generation: Generation, rules: Rules) -> None:
        self._generation = generation
        self._codes = {name: code for code, name in enumerate(rules.types)}
        self.made = Touching()

    def add(self, view: Stored, found: Touched) -> None:
        """Take what is touched of one tenant."""
        tenant, rows, records_ = view.tenant, self.made.rows, found.records
        place_of = {x: place for place, piece in enumerate(found.components) for x in piece}
        held = self._held(tenant, found, place_of)
        former: set[bytes] = set()
        for piece in found.components:
            place = len(self.made.names)
            self.made.names.append(records.node_key(tenant, min(piece)))
            for x in piece:
                self._add_person(tenant, place, records_.node(x), held.get(x, []))
                known = records_.known[x]
                if known is None:
                    self.made.found += 1
                else:
                    former.update(view.keys_of(known))
                    if known.first == x:
                        rows["customers"].append((tenant, known.customer))
        former.update(records.id_key(tenant, customer_id) for customer_id in found.ids)
        # All of it goes; what stays, or comes back changed, is among what is found.
        self.made.gone |= former | self._generation.blocks_of(former)
        for x, draft in records_.drafts.items():
            self._add_facts(tenant, draft, records_.known[x])

    def _add_person(self, tenant: str, place: int, node: Node, held: list[dict[str, Any]]) -> None:
        rows, x = self.made.rows, node.identifier
        xi = len(rows["people"])
        code = self._codes[x.type]
        signs = records.encode_signs(node.signs) if node.signs != NO_SIGNS else None
        told = (code, node.fault, node.home, held, node.minted, signs, node.stale)
        rows["people"].append((place, xi, key_of(tenant, x), *node.seen, *told))
        for z, edge in node.edges.items():
            state = edge.mine * records.MINE | edge.theirs * records.THEIRS | edge.out * records.OUT
            rows["ties"].append((place, xi, key_of(tenant, z), *edge.link, state))

    def _add_facts(self, tenant: str, draft: Node, known: Node | None) -> None:
        x, rows = draft.identifier, self.made.rows
        key = key_of(tenant, x)
        if known is None or draft.seen != known.seen:
            rows["seen"].append((key, *draft.seen))
        for z, edge in draft.edges.items():
            if x < z and (known is None or z not in known.edges or known.edges[z].link != edge.link):
                rows["links"].append((key, key_of(tenant, z), *edge.link))

    def _held(
        self, tenant: str, found: Touched, place_of: Mapping[Identifier, int]
    ) -> dict[Identifier, list[dict[str, Any]]]:
        """The ids that each keeper holds, with their age; notes those that are all over."""
        held: dict[Identifier, list[dict[str, Any]]] = {}
        rows = self.made.rows
        for customer, line in found.residents.items():
            inside = [x for x in line if found.records.node(x).fault is None]
            # Who is not touched has a place of his own: None.
            places = {place_of.get(x) for x in inside}
            scattered = len(inside) < len(line) or len(places) > 1 or None in places
            minted = found.ids[customer].minted
            age = (minted.generation, minted.first_ingested, key_of(tenant, minted.anchor), minted.counter)
            if scattered:
                rows["ids"].append((customer, *age))
                for x in line:
                    if x not in place_of:
                        seen = found.records.node(x).seen
                        code = self._codes[x.type]
                        rows["outside"].append((key_of(tenant, x), code, seen.first_ingested, customer))
            if inside:
                names = [name for name, _ in _MINTED]
                told = dict(zip(names, age, strict=True)) | {"customer": customer, "scattered": scattered}
                held.setdefault(inside[0], []).append(told)
        return held


def _number(name: bytes, seed: int) -> int:
    digest = blake2b(name, digest_size=8, salt=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big", signed=True)
