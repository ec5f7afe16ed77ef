"""When a run has to compute everything, and what it then says."""

import msgspec
import pytest

from batch_layer.increment import Whole, check
from batch_layer.sources.loads import LANDED, STOPPED, Load, Loads
from batch_layer.tables import TABLES
from identity import rulefile
from schemas.generation import Manifest, Shard
from tests.batch.expected import RULES

BEFORE = Manifest(
    generation=7,
    offsets={},
    loads=1,
    as_of=0,
    rules=RULES,
    fingerprint=rulefile.parse(RULES).fingerprint,
    tables=dict.fromkeys(TABLES, 3),
    shards=[Shard(f"shard-{i:04d}.mdb", 0, 0, "") for i in range(4)],
)
NEXT = msgspec.structs.replace(BEFORE, generation=8, loads=2)
OTHER_RULES = RULES.replace("hot: 5", "hot: 6")


def load(number, state=LANDED, **counts):
    return Load(
        load=number,
        tenant="default",
        source="crm",
        state=state,
        export="full",
        definition="",
        ingested_at=0,
        counts=counts,
    )


def without(name):
    return {"tables": {other: 3 for other in TABLES if other != name}}


@pytest.mark.parametrize(
    "loads",
    [
        [],
        [load(1, replaced=5), load(2, new=10)],
        [load(2, state=STOPPED, ended=900)],
        [load(2, new=1, gone=1), load(3, ended=1)],
    ],
)
def test_what_is_new_is_added(tmp_path, loads):
    for each in loads:
        Loads(tmp_path).commit(each)
    check(BEFORE, NEXT, Loads(tmp_path), 4)


@pytest.mark.parametrize("counts", [{"replaced": 1}, {"ended": 1}])
def test_facts_that_went_call_for_all_the_others(tmp_path, counts):
    Loads(tmp_path).commit(load(2, new=3, **counts))
    with pytest.raises(Whole, match="replaced or have ended"):
        check(BEFORE, NEXT, Loads(tmp_path), 4)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({"shards": [], "tables": {}}, {}, "no generation yet"),
        (without("silver/seen"), {}, "generation 7 .* no silver/seen"),
        (without("silver/claims"), {}, "no silver/claims"),
        ({}, {"rules": OTHER_RULES, "fingerprint": rulefile.parse(OTHER_RULES).fingerprint}, "rules"),
        ({"shards": BEFORE.shards[:3]}, {}, "number of shards"),
    ],
)
def test_the_reason_is_told(tmp_path, before, after, why):
    former, manifest = msgspec.structs.replace(BEFORE, **before), msgspec.structs.replace(NEXT, **after)
    with pytest.raises(Whole, match=why):
        check(former, manifest, Loads(tmp_path), 4)
