"""The state of the graph in figures: sizes, super-clusters, hot identifiers, refused links, certainty.

Everything is counted in Spark; the driver gets a few rows of each. No figure names an identifier.
"""

from collections.abc import Mapping

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from identity import Rules

# The most rows of a figure: reasons and types are few, and a page has an end.
MOST = 50

# How many of the largest customers are told.
LARGEST = 10


class Size(msgspec.Struct, frozen=True):
    """How many customers (or components) have `least` to `most` identifiers, and how many these are."""

    least: int
    most: int
    count: int
    identifiers: int


class Count(msgspec.Struct, frozen=True):
    """How many of a kind; `type` is an identifier type, or two for a link."""

    type: str
    reason: str
    count: int


class Certainty(msgspec.Struct, frozen=True):
    """How many identifiers of a type lead to a customer, and how certain the rules say that is."""

    type: str
    certainty: float
    identifiers: int


class Largest(msgspec.Struct, frozen=True):
    """One of the largest customers."""

    customer_id: str
    identifiers: int


class Health(msgspec.Struct, frozen=True):
    """The graph in figures. If each identifier were asked for once, `certainty` is that of the answers."""

    customers: list[Size]
    components: list[Size]
    largest: list[Largest]
    quarantined: list[Count]
    refused: list[Count]
    certainty: list[Certainty]

    @property
    def hot(self) -> int:
        """How many identifiers are hot."""
        return sum(count.count for count in self.quarantined if count.reason.startswith("hot"))

    @property
    def identifiers(self) -> int:
        """How many identifiers are part of a customer."""
        return sum(size.identifiers for size in self.customers)

    def share(self, at_least: float) -> float:
        """The share of identifiers with at least that certainty."""
        certain = sum(each.identifiers for each in self.certainty if each.certainty >= at_least)
        return certain / self.identifiers if self.identifiers else 0.0


def examined(tables: Mapping[str, DataFrame], rules: Rules) -> Health:
    """The health of a generation, from its tables by name."""
    customers = tables["gold/customers"].select("customer_id", "identifiers", "component").persist()
    components = customers.groupBy("component").agg(f.sum("identifiers").alias("identifiers"))
    types = tables["gold/identifiers"].groupBy("type").count().collect()
    largest = customers.orderBy(f.desc("identifiers"), "customer_id").limit(LARGEST).collect()
    health = Health(
        customers=_sizes(customers),
        components=_sizes(components),
        largest=[Largest(row.customer_id, row.identifiers) for row in largest],
        quarantined=_counts(tables["gold/quarantined"], f.col("type")),
        refused=_counts(tables["gold/refused_links"], f.concat("a_type", f.lit(" and "), "b_type")),
        certainty=[
            Certainty(row.type, rules.types[row.type].certainty, row["count"])
            for row in sorted(types, key=lambda row: -row["count"])
        ],
    )
    customers.unpersist()
    return health


def _sizes(groups: DataFrame) -> list[Size]:
    """By powers of two: 1, 2, 3 to 4, 5 to 8, and so on."""
    power = f.ceil(f.log2("identifiers")).cast("int")
    counted = groups.groupBy(power.alias("power")).agg(
        f.count("*").alias("groups"), f.sum("identifiers").alias("identifiers")
    )
    return [
        Size(2 ** (row.power - 1) + 1 if row.power else 1, 2**row.power, row.groups, row.identifiers)
        for row in counted.orderBy("power").collect()
    ]


def _counts(rows: DataFrame, type_: f.Column) -> list[Count]:  # type: ignore[name-defined]
    counted = rows.groupBy(type_.alias("type"), "reason").agg(f.count("*").alias("n"))
    most = counted.orderBy(f.desc("n"), "type", "reason").limit(MOST)
    return [Count(row.type, row.reason, row.n) for row in most.collect()]
