"""Increments, one after the other: each is the generation, and the tables, that a whole run would make."""

import random

import pytest
from pyspark.sql import functions as f

from batch_layer.gold import Gold
from batch_layer.increment import Whole
from identity import Minter, Published
from schemas import WEB, blocks
from tests.batch import expected as known
from tests.batch.expected import (
    TENANTS,
    chain,
    expected,
    expected_registers,
    facts_of,
    held,
    held_registers,
)
from tests.batch.landing import Landing

INCREMENTS = 10
RULES = known.RULES

pytestmark = [pytest.mark.slow, pytest.mark.minutes]


def log(rng, count, first):
    """As ever, and some say what they permit."""
    for topic, event in known.log(rng, count, first):
        if topic == WEB and rng.random() < 0.2:
            event["consent"] = {**event.get("consent", {}), "ads": rng.random() < 0.5}
        yield topic, event


def rows(name, table):
    """The rows of a table, in any order; of components, which have other numbers each time, the members."""
    if name == "gold/customers":
        pieces = table.groupBy("component").agg(f.array_sort(f.collect_list("customer_id")).alias("piece"))
        table = table.join(pieces, "component").drop("component")
    return sorted(map(str, table.collect()))


def is_whole(generation):
    """Whether each block is there once, and is some record's."""
    entries = {}
    for shard in generation._shards:
        with shard.begin() as transaction:
            entries.update(transaction.cursor())
    there = {key for key in entries if key.startswith(blocks.PREFIX)}
    used = {blocks.block_of(value) for key, value in entries.items() if key not in there}
    return there == used - {None} and len(entries) == sum(s.entries for s in generation.manifest.shards)


class Word:
    """What `identity` says of a log, run for run."""

    def __init__(self, landing):
        self._landing = landing
        self._minters = {tenant: Minter(landing.job.id_key, tenant) for tenant in TENANTS}
        self._published = {tenant: Published() for tenant in TENANTS}

    def agrees(self, manifest):
        generation = self._landing.generation(manifest.generation)
        assert is_whole(generation)
        generation.verify()
        assert held_registers(generation) == expected_registers(self._landing.bronze(), RULES)
        tenants, refused = facts_of(self._landing.bronze(), RULES)
        assert manifest.counts["rejects"] == refused
        assert manifest.counts["identifiers"] == sum(len(facts.seen) for facts in tenants.values())
        customers = 0
        for tenant, facts in tenants.items():
            before, minter = self._published[tenant], self._minters[tenant]
            made, self._published[tenant] = expected(tenant, facts, before, minter, manifest.as_of, RULES)
            for kind, found in held(generation, tenant).items():
                assert found == made[kind], (manifest.generation, kind)
            customers += len({node.customer for node in made["nodes"].values() if node.customer})
        assert manifest.counts["customers"] == customers


@pytest.fixture(scope="module")
def landing(spark, tmp_path_factory):
    return Landing(spark, tmp_path_factory.mktemp("system"), RULES)


@pytest.fixture(scope="module")
def word(landing):
    """After the first run, which is a whole one."""
    word = Word(landing)
    landing.land(log(random.Random(17), 200, 0))
    landing.land(chain(0, 40))
    word.agrees(landing.run())
    return word


def test_increments_equal_whole_runs(landing, word):
    rng = random.Random(18)
    for number in range(1, INCREMENTS):
        landing.land(log(rng, rng.choice([1, 5, 30, 90]), number * 1_000))
        if number % 4 == 0:
            landing.land(chain(number * 10, number * 10 + 20))
        word.agrees(landing.increment())
    landing.land(log(rng, 60, 90_000))
    made = landing.increment()
    word.agrees(made)
    # With nothing new, a whole run has nothing else to say.
    whole = landing.run(made.as_of)
    word.agrees(whole)
    assert made.tables.keys() == whole.tables.keys()
    filled = []
    for name in whole.tables:
        one, other = (
            rows(name, Gold(landing.job.spark, landing.job.delta).before(name, of)) for of in (made, whole)
        )
        assert one == other, name
        filled += [name] if one else []
        if name == "gold/segments":
            assert all(f"segment='{segment}'" in str(one) for segment in ("clicked", "agreed"))
    assert {"gold/refused_links", "gold/quarantined", "gold/consents", "gold/profiles"} <= {*filled}


def test_one_that_dies_is_as_if_it_had_never_been(landing, word, monkeypatch):
    landing.land(log(random.Random(19), 30, 100_000))
    before = landing.newest
    with monkeypatch.context() as patch:
        # All tables are written, and no shard.
        patch.setattr("batch_layer.shards.revise", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            landing.increment()
    assert landing.newest == before
    word.agrees(landing.increment())


@pytest.mark.usefixtures("word")
def test_what_cannot_be_added_says_why(landing, tmp_path, monkeypatch):
    with pytest.raises(Whole, match="no generation yet"):
        Landing(landing.job.spark, tmp_path, RULES).increment()
    landing.land(log(random.Random(20), 30, 200_000))
    before = landing.newest
    with pytest.raises(Whole, match="earlier moment"):
        landing.increment(as_of=1)
    with monkeypatch.context() as patch:
        patch.setattr("batch_layer.increment.MOST", 10)
        with pytest.raises(Whole, match="more than 10 facts"):
            landing.increment()
    with monkeypatch.context() as patch:
        patch.setattr(landing, "rules", RULES.replace("hot: 5", "hot: 6"))
        with pytest.raises(Whole, match="rules"):
            landing.increment()
    assert landing.newest == before
