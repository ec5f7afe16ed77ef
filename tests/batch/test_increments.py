"""Ten increments, one after the other: each is the generation, and the tables, that a whole run would make."""

import random

import pytest
from pyspark.sql import functions as f

from batch_layer.gold import Gold
from batch_layer.tables import TABLES
from identity import Minter, Published
from schemas import blocks
from tests.batch.expected import RULES, TENANTS, chain, expected, facts_of, held, log
from tests.batch.landing import Landing

INCREMENTS = 10

# What a run takes for one and the same: where customers hang together has another number in each table.
COMPARED = [name for name in TABLES if name.split("/")[0] != "bronze" and name != "gold/runs"]


def rows(landing, manifest, name):
    """The rows of a table that goes with a generation, in any order."""
    table = Gold(landing.job.spark, landing.job.delta).before(name, manifest)
    if name == "gold/customers":
        pieces = table.groupBy("component").agg(f.array_sort(f.collect_list("customer_id")).alias("piece"))
        table = table.join(pieces, "component").drop("component")
    return sorted(map(repr, table.collect()))


def whole(generation):
    """Every block is some record's, and there once."""
    entries = {}
    for shard in generation._shards:
        with shard.begin() as transaction:
            entries.update(dict(transaction.cursor()))
    names = {key for key in entries if key.startswith(blocks.PREFIX)}
    used = {blocks.block_of(value) for key, value in entries.items() if key not in names}
    return names == used - {None} and len(entries) == sum(s.entries for s in generation.manifest.shards)


@pytest.mark.slow
def test_increments_equal_whole_runs(spark, tmp_path):
    landing = Landing(spark, tmp_path, RULES)
    rng = random.Random(18)
    minters = {tenant: Minter(landing.job.id_key, tenant) for tenant in TENANTS}
    published = {tenant: Published() for tenant in TENANTS}
    landing.land(log(rng, 400, 0))
    landing.land(chain(0, 60))
    for number in range(1, INCREMENTS + 2):
        manifest = landing.run(full=number == 1)
        tenants, refused = facts_of(landing.bronze())
        assert manifest.counts["rejects"] == refused
        assert manifest.counts["identifiers"] == sum(len(facts.seen) for facts in tenants.values())
        generation = landing.generation(number)
        assert whole(generation)
        for tenant, facts in tenants.items():
            made, published[tenant] = expected(
                tenant, facts, published[tenant], minters[tenant], manifest.as_of
            )
            found = held(generation, tenant)
            for kind, of in found.items():
                assert of == made[kind], (number, kind)
        landing.land(log(rng, rng.choice([1, 5, 30, 120]), number * 1_000))
        if number % 4 == 0:
            landing.land(chain(number * 10, number * 10 + 30))
