"""The graph's records, encoded in Spark and written as the shards of a generation."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.graph import LINK, link_of
from batch_layer.rows import Row, map_arranged, map_rows
from batch_layer.silver import TIMES, identifier_of, tenant_of
from identity import Identifier, Minted, Rules, Seen
from identity.graph import Edge, IdRecord, Node
from identity.reach import SPARE, push
from schemas import records
from schemas.generation import Shard, write_shard

_RECORD = pa.schema([("key", pa.binary()), ("value", pa.binary())])
_WRITTEN = pa.schema(
    [("file", pa.string()), ("entries", pa.int64()), ("size", pa.int64()), ("blake2b", pa.string())]
)

# The columns of an identifier, and of one of its half-links.
_ITSELF = ("xi", "x", *TIMES, "fault", "customer", "label", "home", "minted", "lone", "whole", "apart")
_EDGE = ("z", *(f"link_{name}" for name in LINK), "state")
_LINKED, _TIED = len(_ITSELF), len(_ITSELF) + 1


def nodes(
    whole: DataFrame, half: DataFrame, exceptions: DataFrame, rules: Rules, as_of: int | None
) -> DataFrame:
    """Records of nodes and of far links.

    `whole` has, of each identifier, `xi, x`, its times, `fault, customer, label, home, minted, lone, whole,
    apart`; `exceptions` are those of `batch_layer.graph`.
    """
    state = f.coalesce("state", f.lit(records.MINE | records.THEIRS)).alias("state")
    link = [f.col(name).alias(f"link_{name}") for name in LINK]
    edges = half.join(exceptions, ["xi", "zi"], "left").select("xi", "z", *link, state)
    rows = whole.join(edges, "xi", "left").select(*_ITSELF, *_EDGE)

    def step(group: list[Row]) -> Iterator[Row]:
        _, key, *rest = group[0][:_LINKED]
        tenant, x = tenant_of(key), identifier_of(key)
        edges = [(identifier_of(row[_LINKED]), row[_TIED:]) for row in group if row[_LINKED] is not None]
        if len(edges) > SPARE:
            yield from _crowded(tenant, x, rest, edges, rules, as_of)
            return
        first_seen, last_seen, first_ingested, fault, customer, label, home, minted, lone, whole, apart = rest
        yield (
            records.node_key(tenant, x),
            records.encode_parts(
                x,
                (first_seen, last_seen, first_ingested),
                [records.edge_form(*z, link[-1], *link[:-1]) for z, link in edges],
                customer or "",
                identifier_of(label) if label is not None else None,
                fault,
                home,
                minted,
                apart=identifier_of(apart) if apart is not None else None,
                lone=bool(lone),
                whole=bool(whole),
            ),
        )

    return map_arranged(rows, ["xi"], step, _RECORD)


def _crowded(
    tenant: str,
    x: Identifier,
    rest: Sequence[Any],
    edges: list[tuple[Identifier, Row]],
    rules: Rules,
    as_of: int | None,
) -> Iterator[Row]:
    """The record of a node that may let links go far, and theirs."""
    fault, customer, label, home, minted, lone, whole, apart = rest[3:]
    node = Node(
        x,
        Seen(*rest[:3]),
        {z: _edge(row) for z, row in edges},
        fault,
        customer or "",
        identifier_of(label) if label is not None else None,
        home,
        minted,
        bool(lone),
        bool(whole),
        apart=identifier_of(apart) if apart is not None else None,
    )
    for other, edge in push(node, rules, as_of).items():
        yield (records.far_key(tenant, x, other), records.encode_far(other, edge))
    yield (records.node_key(tenant, x), records.encode_node(node))


def _edge(row: Row) -> Edge:
    flags = {"mine": records.MINE, "theirs": records.THEIRS, "out": records.OUT}
    return Edge(link_of(row[:-1]), **{name: bool(row[-1] & bit) for name, bit in flags.items()})


def ids(known: DataFrame, residents: DataFrame) -> DataFrame:
    """Id records. `known` has `customer, generation, …`, `residents` `home, residents`."""
    rows = known.join(residents, known.customer == residents.home).select(
        "customer", "generation", "first_ingested", "anchor", "counter", "residents"
    )

    def step(rows_: Iterator[Row]) -> Iterator[Row]:
        for customer, generation, first_ingested, anchor, counter, xs in rows_:
            record = IdRecord(
                Minted(generation, first_ingested, identifier_of(anchor), counter),
                tuple(identifier_of(x) for x in xs),
            )
            yield (records.id_key(tenant_of(anchor), customer), records.encode_id(record))

    return map_rows(rows, step, _RECORD)


def write(frame: DataFrame, directory: Path, count: int) -> list[Shard]:
    """Write `key, value` records as `count` shards into a directory that all executors share."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for shard, group in groupby(rows, key=itemgetter(0)):
            written = write_shard(directory, shard, ((key, value) for _, key, value in group))
            yield (written.file, written.entries, written.size, written.blake2b)

    # As `schemas.generation.shard_of` has it.
    shard = f.pmod(f.crc32("key"), f.lit(count)).cast("int").alias("shard")
    addressed = frame.select(shard, "key", "value")
    arranged = addressed.repartition(count, "shard").sortWithinPartitions("shard", "key")
    found = {
        row.file: Shard(row.file, row.entries, row.size, row.blake2b)
        for row in map_rows(arranged, step, _WRITTEN).collect()
    }
    # A shard that got no record is a file all the same, so that a reader can count on each.
    empty = [i for i in range(count) if f"shard-{i:04d}.mdb" not in found]
    shards = [*found.values(), *(write_shard(directory, i, ()) for i in empty)]
    return sorted(shards, key=lambda shard: shard.file)
