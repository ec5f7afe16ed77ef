"""Who a generation turned: the segments of customers before and now, compared by Spark."""

import msgspec
import pytest

from batch_layer import turned
from batch_layer.gold import Gold
from batch_layer.tables import TABLES
from identity import rulefile
from schemas.generation import Manifest, path_of
from schemas.turned import Turn, read

RULES = """
identifiers: {login: {rank: 1}}
segments: {a: {consents: [{purpose: x}]}, b: {consents: [{purpose: y}]}}
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def manifest(number, tables, rules=RULES, offset=3):
    return Manifest(
        generation=number,
        offsets={"web.events": {0: offset}},
        as_of=None,
        rules=rules,
        fingerprint=rulefile.parse(rules).fingerprint,
        tables=tables,
    )


def write(spark, root, members, customers):
    gold = Gold(spark, root)
    rows = {"gold/segment_members": members, "gold/customers": [(*one, 1, 1) for one in customers]}
    for name, some in rows.items():
        gold.write(name, spark.createDataFrame(some, TABLES[name].ddl))
    return gold


def test_who_turned_is_written_beside_the_shards(spark, tmp_path, monkeypatch):
    everybody = [("default", f"c_{name}") for name in ("came", "went", "stayed", "new")]
    stayed = ("default", "c_stayed", "a")
    old = write(spark, tmp_path, [stayed, ("default", "c_went", "a"), ("default", "c_gone", "a")], everybody)
    before = manifest(1, old.versions)
    new = [stayed, ("default", "c_came", "b"), ("default", "c_came", "a"), ("other", "c_new", "a")]
    gold = write(spark, tmp_path, new, [*everybody, ("other", "c_new")])
    after, directory = manifest(2, gold.versions, offset=9), path_of(tmp_path, 2)
    directory.mkdir(parents=True)

    turned.written(gold, before, after, directory, 77)
    found = read(tmp_path, 2)
    assert (found.at, found.before, found.offsets, found.left_out) == (77, 1, {"web.events": {0: 3}}, 0)
    assert found.known == {"web.events": {0: 3}, "generation": {0: 2}}
    assert found.rows == [
        Turn("default", "c_came", (), ("a", "b")),
        Turn("default", "c_went", ("a",), ()),
        Turn("other", "c_new", (), ("a",)),
    ]

    monkeypatch.setattr(turned, "MOST_TURNED", 2)
    turned.written(gold, before, after, directory, 77)
    assert (read(tmp_path, 2).left_out, read(tmp_path, 2).rows) == (3, [])

    (directory / "turned.json").unlink()
    other = manifest(2, gold.versions, rules=RULES.replace("purpose: y", "purpose: z"))
    turned.written(gold, before, other, directory, 77)
    turned.written(gold, msgspec.structs.replace(before, tables={}), after, directory, 77)
    assert read(tmp_path, 2) is None, "with other rules, or nothing before, nobody turned"
