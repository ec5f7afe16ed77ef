"""What Spark shortens is what `identity` says: random logs, crowded and not, over two generations."""

import random

import pytest

from batch_layer import delta, rebuild
from identity import Minter, Published
from tests.batch.expected import (
    RULES,
    TENANTS,
    chain,
    expected,
    expected_registers,
    facts_of,
    held,
    held_registers,
    log,
)
from tests.batch.landing import Landing


@pytest.mark.slow
def test_a_generation_is_what_identity_says(spark, tmp_path, monkeypatch):
    # As if two identifiers had shared a number in the first run: it takes others.
    told = iter([True])
    real = rebuild.is_ambiguous
    monkeypatch.setattr(rebuild, "is_ambiguous", lambda known: next(told, False) or real(known))
    landing = Landing(spark, tmp_path, RULES)
    rng = random.Random(10)
    minters = {tenant: Minter(landing.job.id_key, tenant) for tenant in TENANTS}
    published = {tenant: Published() for tenant in TENANTS}
    for number, count in ((1, 400), (2, 250)):
        landing.land(log(rng, count, number * 1_000))
        landing.land(chain(number * 600 - 600, number * 600))
        manifest = landing.run()
        tenants, refused = facts_of(landing.bronze())
        assert manifest.counts["rejects"] == refused > 0
        for tenant, facts in tenants.items():
            made, after = expected(tenant, facts, published[tenant], minters[tenant], manifest.as_of)
            found = held(landing.generation(number), tenant)
            for kind, of in found.items():
                assert of == made[kind], kind
            assert made["far"], "somebody is crowded"
            assert any(node.stale is not None for node in made["nodes"].values())
            published[tenant] = after
        registers = expected_registers(landing.bronze())
        assert held_registers(landing.generation(number)) == registers
        assert len(registers) > len(TENANTS)
    # Each table that follows from them says something.
    for name in ("gold/profiles", "gold/segment_members", "gold/group_members", "gold/campaign_customers"):
        assert not delta.read(spark, landing.job.delta, name, manifest.tables[name]).isEmpty(), name
    assert next(told, None) is None
