"""The graph's records, encoded in Spark and written as the shards of a generation."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.rows import Row, map_groups, map_rows
from batch_layer.silver import identifier_of, tenant_of
from identity import Customer, Link, Minted, Rules, Seen, Verdict
from identity.graph import Edge, IdRecord, Node
from identity.reach import push
from schemas import records
from schemas.generation import Shard, shard_of, write_shard

_RECORD = pa.schema([("key", pa.binary()), ("value", pa.binary())])
_SHARDED = pa.schema([("shard", pa.int32()), *_RECORD])
_TIMES = ("first_seen", "last_seen", "first_ingested")
_PLACE = ("fault", "customer", "first", "home", "minted", "lone")
_EDGE = ("verdict", "decided_at", "out", "mine", "theirs")
_WRITTEN = pa.schema(
    [("file", pa.string()), ("entries", pa.int64()), ("size", pa.int64()), ("blake2b", pa.string())]
)


def nodes(
    screened: DataFrame, owned: DataFrame, placed: DataFrame, rules: Rules, as_of: int | None
) -> DataFrame:
    """Records of nodes and of far links.

    `placed` has, for each identifier, `x, customer, first, home, minted, lone`.
    """
    itself = screened.where("z IS NULL").drop("z", "verdict", "decided_at").join(placed, "x")
    rows = itself.unionByName(owned.drop("fault"), allowMissingColumns=True).select(
        "x", "z", *_TIMES, *_PLACE, *_EDGE
    )

    def step(group: list[Row]) -> Iterator[Row]:
        key = group[0][0]
        itself = next(row for row in group if row[1] is None)
        fault, customer, first, home, minted, lone = itself[5:11]
        node = Node(
            identifier_of(key),
            Seen(*itself[2:5]),
            {identifier_of(row[1]): _edge(row) for row in group if row[1] is not None},
            fault,
            customer or "",
            identifier_of(first) if first is not None else None,
            home,
            minted,
            bool(lone),
        )
        tenant, x = tenant_of(key), node.identifier
        for other, edge in push(node, rules, as_of).items():
            yield (records.far_key(tenant, x, other), records.encode_far(other, edge))
        yield (records.node_key(tenant, x), records.encode_node(node))

    return map_groups(rows, ["x"], step, _RECORD)


def _edge(row: Row) -> Edge:
    verdict, decided_at, out, mine, theirs = row[11:16]
    link = Link(row[2], row[3], row[4], Verdict(verdict), decided_at)
    return Edge(link, mine=mine, theirs=theirs, out=out)


def standing(groups: DataFrame, named: DataFrame) -> DataFrame:
    """`x, customer, first, lone` of every identifier that is part of a customer."""
    sizes = groups.groupBy("group").agg(f.count("*").alias("members"))
    lone = (f.col("members") == 1) & (f.size("aliases") == 0)
    return (
        groups.join(named.select("group", "customer", "aliases"), "group")
        .join(sizes, "group")
        .select("x", "customer", f.col("group").alias("first"), lone.alias("lone"))
    )


def customers(groups: DataFrame, named: DataFrame) -> DataFrame:
    """Customer records. `groups` has `group, x`, a customer by its first member."""
    rows = groups.join(named.select("group", "customer", "aliases"), "group").select(
        "group", "customer", "aliases", "x"
    )

    def step(group: list[Row]) -> Iterator[Row]:
        first, customer_id, aliases, _ = group[0]
        customer = Customer(
            customer_id, tuple(identifier_of(x) for x in sorted(row[3] for row in group)), tuple(aliases)
        )
        if not customer.lone:
            key = records.customer_key(tenant_of(first), identifier_of(first))
            yield (key, records.encode_customer(customer))

    return map_groups(rows, ["group"], step, _RECORD)


def ids(minted: DataFrame, territory: DataFrame) -> DataFrame:
    """Id records. `minted` has `customer, generation, …`, `territory` `home, x, place`."""
    residents = territory.groupBy("home").agg(f.sort_array(f.collect_list("place")).alias("residents"))
    rows = minted.join(residents, minted.customer == residents.home).select(
        "customer",
        "generation",
        "first_ingested",
        "anchor",
        "counter",
        f.col("residents.x").alias("residents"),
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

    def address(rows: Iterator[Row]) -> Iterator[Row]:
        return ((shard_of(key, count), key, value) for key, value in rows)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for shard, group in groupby(rows, key=itemgetter(0)):
            written = write_shard(directory, shard, ((key, value) for _, key, value in group))
            yield (written.file, written.entries, written.size, written.blake2b)

    addressed = map_rows(frame, address, _SHARDED)
    arranged = addressed.repartition(count, "shard").sortWithinPartitions("shard", "key")
    found = {
        row.file: Shard(row.file, row.entries, row.size, row.blake2b)
        for row in map_rows(arranged, step, _WRITTEN).collect()
    }
    # A shard that got no record is a file all the same, so that a reader can count on each.
    empty = [i for i in range(count) if f"shard-{i:04d}.mdb" not in found]
    shards = [*found.values(), *(write_shard(directory, i, ()) for i in empty)]
    return sorted(shards, key=lambda shard: shard.file)
