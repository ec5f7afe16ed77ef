"""Groups of customers in Spark: keys of each customer, then who hangs together by them.

Customers and the keys that they share are the nodes of one graph, so a household whose members share an
address here and a phone there is one component of it. *The bound:* a task has one group in memory.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from itertools import count, groupby
from operator import itemgetter

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.components import roots
from batch_layer.leaf import leaf
from batch_layer.numbers import Number, is_ambiguous, number
from batch_layer.rows import Row, map_groups, map_rows
from batch_layer.session import shuffle_tasks
from identity import Rules
from identity.attributes import plain
from identity.profile import Value

_TEXT = pa.string()
_SAID = pa.schema(
    [
        *((name, _TEXT) for name in ("tenant", "kind", "customer_id", "key", "site")),
        ("numbers", pa.map_(_TEXT, _TEXT)),
        ("who", _TEXT),
        ("what", _TEXT),
    ]
)
_GROUPS = pa.schema(
    [
        *((name, _TEXT) for name in ("tenant", "kind", "group_id")),
        *((name, pa.int64()) for name in ("customers", "sites")),
        ("sums", pa.map_(_TEXT, _TEXT)),
        ("reasons", pa.list_(_TEXT)),
        ("members", pa.list_(_TEXT)),
    ]
)


def tables(profiles: DataFrame, rules: Rules) -> dict[str, DataFrame]:
    """gold/groups and gold/group_members of what gold/profiles has."""
    said = leaf(_said(profiles, rules))
    bounds = [(rule.name, rule.most) for rule in rules.groups.values()]
    most = profiles.sparkSession.createDataFrame(bounds, "kind STRING, most BIGINT")
    shared = said.groupBy("what", "kind").count().join(f.broadcast(most), "kind").where("count <= most")
    said = leaf(said.join(shared.select("what"), "what"))
    of = _numbers(said)
    links = said.select(of("who").alias("xi"), of("what").alias("zi"))
    root = roots(links, shuffle_tasks(profiles.sparkSession))
    rooted = said.select(of("who").alias("xi"), "customer_id", "site", "numbers", "tenant", "kind").join(
        root, "xi"
    )
    columns = ("root", "customer_id", "site", "numbers", "tenant", "kind")
    found = leaf(map_groups(rooted.select(*columns), ["root"], partial(_group, rules), _GROUPS))
    named = ("tenant", "kind", "group_id")
    return {
        "gold/groups": found.drop("members"),
        "gold/group_members": found.select(*named, f.explode("members").alias("customer_id")),
    }


def _group(rules: Rules, rows: list[Row]) -> Iterator[Row]:
    """What comes of the customers of one component; each may stand in several rows."""
    customers = {customer: (site, dict(numbers)) for _, customer, site, numbers, *_ in rows}
    tenant, kind = rows[0][-2:]
    if len(customers) < rules.groups[kind].least:
        return
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, numbers in customers.values():
        for name, value in numbers.items():
            totals[name] += Decimal(value)
    sites = {site for site, _ in customers.values() if site is not None}
    sums = [(name, plain(total)) for name, total in sorted(totals.items())]
    members = sorted(customers)
    counts = {"customers": Decimal(len(members)), "sites": Decimal(len(sites)), **totals}
    reasons = rules.groups[kind].reasons(counts)
    yield (tenant, kind, members[0], len(members), len(sites), sums, reasons, members)


def _numbers(said: DataFrame) -> Number:
    """Numbers for customers and keys, no two alike."""
    names = leaf(said.select(f.col("who").alias("x")).union(said.select("what")).distinct())
    for seed in count():
        of = number(seed)
        if not is_ambiguous(names.select(of("x").alias("xi"))):
            return of
    raise AssertionError("there is always another seed")


def _said(profiles: DataFrame, rules: Rules) -> DataFrame:
    """A row for each key of each customer, with its site, the numbers to add up, and both as nodes."""

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        for (tenant, customer), some in groupby(rows, key=itemgetter(0, 1)):
            profile = {name: Value(*value) for _, _, name, *value in some}
            for rule in rules.groups.values():
                site = rule.site(profile)
                numbers = [(name, profile[name].value) for name in rule.sums if name in profile]
                for key in rule.keys(profile):
                    place = f"{tenant}\0{rule.name}\0"
                    nodes = (f"customer\0{place}{customer}", f"key\0{place}{key}")
                    yield (tenant, rule.name, customer, key, site, numbers, *nodes)

    columns = ("tenant", "customer_id", "attribute", "value", "source", "at")
    arranged = profiles.select(*columns).repartition(*columns[:2]).sortWithinPartitions(*columns[:2])
    return map_rows(arranged, step, _SAID)
