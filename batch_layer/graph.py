"""Steps 1 to 3 of resolution in Spark: the same functions as everywhere, each where its data is at hand.

Screening and owning look at one identifier's links, joining at one component; between them stand two
shuffles and a connected-components step. A link travels as two half-links, one from each end.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.components import labels
from batch_layer.rows import Row, map_groups
from batch_layer.silver import identifier_of, key_of, tenant_of
from identity import Link, Rules, Seen, Verdict
from identity.join import join
from identity.own import kept
from identity.screen import counting, identifier_fault, is_shut

_LINK = [
    ("first_seen", pa.int64()),
    ("last_seen", pa.int64()),
    ("first_ingested", pa.int64()),
    ("verdict", pa.int32()),
    ("decided_at", pa.int64()),
]
_LINK_NAMES = [name for name, _ in _LINK]
_SCREENED = pa.schema([("x", pa.string()), ("z", pa.string()), *_LINK, ("fault", pa.string())])
_OWNED = pa.schema([*_SCREENED, ("out", pa.bool_()), ("mine", pa.bool_())])
_JOINED = pa.schema(
    [
        ("label", pa.string()),
        ("group", pa.string()),
        ("a", pa.string()),
        ("b", pa.string()),
        ("reason", pa.string()),
    ]
)


def screen(seen: DataFrame, links: DataFrame, rules: Rules, as_of: int | None) -> DataFrame:
    """Step 1. `x, z, link, fault`: a row for each half-link, and one with z null for x itself."""
    half = links.select(f.col("a").alias("x"), f.col("b").alias("z"), *_LINK_NAMES)
    other = links.select(f.col("b").alias("x"), f.col("a").alias("z"), *_LINK_NAMES)
    none = f.lit(None)
    alone = seen.select(
        "x",
        none.alias("z"),
        "first_seen",
        "last_seen",
        "first_ingested",
        none.alias("verdict"),
        none.alias("decided_at"),
    )

    def step(rows: list[Row]) -> Iterator[Row]:
        x = identifier_of(rows[0][0])
        (itself,) = (Seen(*row[2:5]) for row in rows if row[1] is None)
        near = counting(
            x, {identifier_of(row[1]): _link(row) for row in rows if row[1] is not None}, rules, as_of
        )
        fault = identifier_fault(x, itself, near, rules, as_of)
        return ((*row, fault) for row in rows)

    return map_groups(alone.union(half).union(other), ["x"], step, _SCREENED)


def own(screened: DataFrame, rules: Rules, as_of: int | None) -> DataFrame:
    """Step 2. `x, z, link, fault, out, mine, theirs`: what both ends make of each half-link."""
    outs = screened.where("z IS NULL AND fault IS NOT NULL").select(
        f.col("x").alias("z"), f.lit(True).alias("out")
    )
    half = screened.where("z IS NOT NULL").join(outs, "z", "left")
    ready = half.select("x", "z", *_LINK_NAMES, "fault", f.coalesce("out", f.lit(False)).alias("out"))

    def step(rows: list[Row]) -> Iterator[Row]:
        x = identifier_of(rows[0][0])
        links = {identifier_of(row[1]): _link(row) for row in rows if not row[8]}
        keeps = set() if is_shut(rows[0][7]) else kept(x, counting(x, links, rules, as_of), rules)
        return ((*row, identifier_of(row[1]) in keeps) for row in rows)

    mine = map_groups(ready, ["x"], step, _OWNED).persist()
    theirs = mine.select(f.col("z").alias("x"), f.col("x").alias("z"), f.col("mine").alias("theirs"))
    return mine.join(theirs, ["x", "z"])


def join_components(screened: DataFrame, owned: DataFrame, rules: Rules) -> tuple[DataFrame, DataFrame]:
    """Step 3.

    Returns `label, group, x` (each live identifier with its component and its customer, both named by
    their smallest member) and `a, b, reason` of the links refused.
    """
    members = screened.where("z IS NULL AND fault IS NULL").select("x")
    inner = owned.where("x < z")
    live = inner.where("fault IS NULL AND NOT out AND mine AND theirs")
    label = labels(members, live.select("x", "z"))
    apart = inner.where(f.col("verdict") == int(Verdict.CANNOT))
    links = live.union(apart).select("x", "z", *_LINK_NAMES)
    none = f.lit(None)
    alone = label.select("label", "x", none.alias("z"), *[none.alias(name) for name in _LINK_NAMES])
    inside = links.join(label, "x").select("label", "x", "z", *_LINK_NAMES)

    def step(rows: list[Row]) -> Iterator[Row]:
        name, tenant = rows[0][0], tenant_of(rows[0][0])
        identifiers = {identifier_of(row[1]) for row in rows if row[2] is None}
        ties = [
            ((identifier_of(row[1]), identifier_of(row[2])), _link(row[1:]))
            for row in rows
            if row[2] is not None
        ]
        foes = [
            ends for ends, link in ties if link.verdict == Verdict.CANNOT and identifiers.issuperset(ends)
        ]
        held = [tie for tie in ties if tie[1].verdict != Verdict.CANNOT]
        groups, refused = join(identifiers, held, foes, rules)
        for group in groups:
            first = key_of(tenant, group[0])
            yield from ((name, first, key_of(tenant, member), None, None) for member in group)
        for a, b, reason in refused:
            yield (name, None, key_of(tenant, a), key_of(tenant, b), reason)

    joined = map_groups(alone.union(inside), ["label"], step, _JOINED).persist()
    groups = joined.where("group IS NOT NULL").select("label", "group", f.col("a").alias("x"))
    return groups, joined.where("group IS NULL").select("label", "a", "b", "reason")


def _link(row: Row) -> Link:
    first_seen, last_seen, first_ingested, verdict, decided_at = row[2:7]
    return Link(first_seen, last_seen, first_ingested, Verdict(verdict), decided_at)
