"""What became of messages: by campaign, and by customer and campaign.

Every run counts anew from bronze, by what is a customer now: so a merge adds up, a split takes apart, and an
event that was delivered twice counts once.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from batch_layer.erasures import ByTenant
from batch_layer.leaf import leaf
from batch_layer.rows import Row, map_rows
from batch_layer.silver import NOBODY, key_of
from identity import Observer, Rules, UnknownTypeError
from identity.profile import strongest
from schemas import EMAIL, EmailEvent, Malformed
from schemas import outcomes as records
from schemas.absorb import accept
from schemas.blocks import alone

# What is counted, and the outcomes that count as it.
COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "sent": ("sent",),
    "delivered": ("delivered",),
    "opened": ("open",),
    "clicked": ("click",),
    "bounced": ("soft_bounce", "hard_bounce"),
    "soft_bounced": ("soft_bounce",),
    "hard_bounced": ("hard_bounce",),
    "complained": ("complaint",),
    "unsubscribed": ("unsubscribe",),
    "subscribed": ("subscribe",),
}

_NAMES = [(name, what) for name in COUNTED for what in ("total", "unique")]
_ENTRY = pa.schema([("key", pa.binary()), ("value", pa.binary())])
_OUTCOMES = pa.schema(
    [(name, pa.string()) for name in ("tenant", "event_id", "campaign_id", "message_id", "outcome", "x")]
)


def tables(
    bronze: DataFrame, customers: DataFrame, rules: Rules, erased: ByTenant = NOBODY
) -> dict[str, DataFrame]:
    """The tables by name; `customers` has `x, customer`.

    `gold/campaigns` has `tenant, campaign_id`, and of everything in COUNTED `…_total`, the events, and
    `…_unique`, the people; `gold/campaign_customers` has `tenant, customer_id, campaign_id`, the events, and
    as `…_unique` the messages. Who is no customer, for the address has expired or is shared by too many, is
    one of a campaign's people, and in the second table nobody.
    """
    customers = customers.select("x", f.col("customer").alias("customer_id"))
    outcomes = leaf(_outcomes(bronze, rules, erased))
    # Who has no e-mails need not sort all customers to find that out.
    told = leaf(outcomes.join(customers.limit(0) if outcomes.isEmpty() else customers, "x", "left"))
    known = told.where("customer_id IS NOT NULL")
    return {
        "gold/campaigns": _counts(told, ("tenant", "campaign_id"), f.coalesce("customer_id", "x")),
        "gold/campaign_customers": _counts(
            known, ("tenant", "customer_id", "campaign_id"), f.coalesce("message_id", "event_id")
        ),
    }


def entries(campaigns: DataFrame, customers: DataFrame) -> DataFrame:
    """`key, value`: the records of both tables, as `schemas.outcomes` has them."""

    def of_campaigns(rows: Iterator[Row]) -> Iterator[Row]:
        for tenant, campaign, *counts in rows:
            record = records.encode((campaign, _named(counts)))
            yield from alone([(records.campaign_key(tenant, campaign), record)])

    def of_customers(rows: Iterator[Row]) -> Iterator[Row]:
        for (tenant, customer), some in groupby(rows, key=itemgetter(0, 1)):
            record = records.encode([(campaign, _named(counts)) for _, _, campaign, *counts in some])
            yield from alone([(records.customer_key(tenant, customer), record)])

    keys = ["tenant", "customer_id"]
    counts = [f"{name}_{what}" for name, what in _NAMES]
    arranged = customers.repartition(*keys).sortWithinPartitions(*keys, "campaign_id")
    return map_rows(campaigns.select("tenant", "campaign_id", *counts), of_campaigns, _ENTRY).union(
        map_rows(arranged.select(*keys, "campaign_id", *counts), of_customers, _ENTRY)
    )


def _named(counts: Sequence[int]) -> dict[str, int]:
    named = (f"{name}_{what}" for name, what in _NAMES)
    return {name: count for name, count in zip(named, counts, strict=True) if count}


def _counts(told: DataFrame, keys: Sequence[str], who: Column) -> DataFrame:
    """By `keys`: how many events, and of how many `who`."""
    # First by who, then how many of these: distinct counts would multiply every event by ten.
    each = told.groupBy(*keys, who.alias("who")).agg(
        *(f.count_if(f.col("outcome").isin(*outcomes)).alias(name) for name, outcomes in COUNTED.items())
    )
    totals = (f.sum(name).alias(f"{name}_total") for name in COUNTED)
    uniques = (
        f.count_if((f.col(name) > 0) & f.col("who").isNotNull()).alias(f"{name}_unique") for name in COUNTED
    )
    return each.groupBy(*keys).agg(*totals, *uniques)


def _outcomes(bronze: DataFrame, rules: Rules, erased: ByTenant) -> DataFrame:
    """`tenant, event_id, campaign_id, message_id, outcome, x`: one row an event.

    `x` is its strongest identifier, null where none is good. Of events that differ and share an id, which no
    service should send, the smallest counts.
    """
    gone = dict(erased)

    def step(rows: Iterator[Row]) -> Iterator[Row]:
        observer = Observer(rules)
        for value, ingested_at in rows:
            try:
                event = accept(EMAIL, value, ingested_at)
                assert isinstance(event, EmailEvent), "the topic carries nothing else"
                screened = observer.screened(event.identifiers)
            except (Malformed, UnknownTypeError):
                continue  # it is among the rejects
            if tombstones := gone.get(event.tenant):
                screened = tombstones.left(screened, ingested_at)
            owner = strongest((x for x, fault in screened if fault is None), rules)
            yield (
                event.tenant,
                event.event_id,
                event.campaign_id,
                event.message_id or None,
                event.outcome,
                None if owner is None else key_of(event.tenant, owner),
            )

    messages = bronze.where(f.col("topic") == EMAIL).select("value", "ingested_at")
    names = ("campaign_id", "message_id", "outcome", "x")
    once = (
        map_rows(messages, step, _OUTCOMES)
        .groupBy("tenant", "event_id")
        .agg(f.min(f.struct(*names)).alias("event"))
    )
    return once.select("tenant", "event_id", *(f.col(f"event.{name}").alias(name) for name in names))
