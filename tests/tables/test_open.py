"""The tables as analysts open them: what docs/tables.md shows, on tables with a history."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from batch_layer import delta, maintenance
from batch_layer.maintenance import Keep, history_hours, tidy
from batch_layer.sources.tables import Tables
from batch_layer.tables import TABLES
from schemas.generation import numbers, path_of
from tests.graph.published import publish

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

ANN, TOM, COOKIE = ("email", "ann@example.com"), ("email", "tom@example.com"), ("cookie", "k1")

pytestmark = pytest.mark.slow


def write(spark, root, assignment):
    """Gold tables that assign identifiers to customers; returns the version."""
    rows = [("default", *x, customer) for x, customer in assignment.items()]
    sizes = {c: list(assignment.values()).count(c) for c in assignment.values()}
    identifiers = spark.createDataFrame(rows, TABLES["gold/identifiers"].ddl)
    customers = [("default", customer, size, 1) for customer, size in sizes.items()]
    delta.replace(
        spark, root, "gold/customers", spark.createDataFrame(customers, TABLES["gold/customers"].ddl)
    )
    return delta.replace(spark, root, "gold/identifiers", identifiers)


def date(table, version, when):
    """Have a version of a table be committed at a time of our choosing."""
    file = table / "_delta_log" / f"{version:020}.json"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["timestamp"] = round(when.timestamp() * 1_000)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (file.parent / f".{file.name}.crc").unlink(missing_ok=True)
    os.utime(file, (when.timestamp(), when.timestamp()))


@pytest.fixture(scope="module")
def root(spark, tmp_path_factory):
    """On 1 March Ann and Tom are two, from 5 March on they are one; the time goes for one session."""
    root = tmp_path_factory.mktemp("delta")
    first = write(spark, root, {ANN: "c_ann", TOM: "c_tom", COOKIE: "c_tom"})
    second = write(spark, root, {ANN: "c_tom", TOM: "c_tom", COOKIE: "c_tom"})
    table = root / "gold" / "identifiers"
    for version in range(second + 1):
        day = 1 if version <= first else 5
        date(table, version, datetime(2026, 3, day, version, tzinfo=UTC))
    return root


@pytest.fixture(scope="module")
def shown(spark, root):
    """The variables that each block of the page leaves behind."""
    left = []
    for block in BLOCKS:
        names = {"root": str(root), "spark": spark}
        exec(compile(block, "docs/tables.md", "exec"), names)
        left.append(names)
    return left


def test_pandas(shown):
    assert dict(shown[0]["by_size"]) == {"c_tom": 2}


def test_duckdb(shown):
    assert shown[1]["largest"] == [("email", 2), ("cookie", 1)]


def test_spark(shown):
    (row,) = shown[2]["someone"].collect()
    assert row.customer_id == "c_tom"


def test_who_was_this_on_3_march(shown):
    (row,) = shown[3]["then"].collect()
    assert row.customer_id == "c_ann"
    assert list(shown[4]["then"]["customer_id"]) == ["c_ann"]
    assert len(BLOCKS) == len(shown) == 5


def test_the_table_carries_what_is_written_of_it(spark, root):
    for name in ("gold/identifiers", "gold/customers"):
        described = spark.sql(f"DESCRIBE TABLE EXTENDED delta.`{root / name}`").collect()
        comments = {row.col_name: row.comment for row in described}
        assert {c.name: comments[c.name] for c in TABLES[name].columns} == {
            c.name: c.comment for c in TABLES[name].columns
        }
        detail = spark.sql(f"DESCRIBE DETAIL delta.`{root / name}`").first()
        assert detail.description == TABLES[name].row


def test_what_was_opened_stays_as_it_was(spark, tmp_path):
    first = write(spark, tmp_path, {ANN: "c_ann"})
    opened = delta.read(spark, tmp_path, "gold/identifiers", first)
    second = write(spark, tmp_path, {ANN: "c_tom"})
    assert second == first + 1 == delta.newest(tmp_path, "gold/identifiers")
    assert [row.customer_id for row in opened.collect()] == ["c_ann"]


def test_files_are_ranges_of_identifiers(spark, tmp_path):
    many = {("email", f"m{i:04}@example.com"): f"c_{i % 7}" for i in range(2_000)}
    write(spark, tmp_path, many)
    table = tmp_path / "gold" / "identifiers"
    (commit,) = [f for f in sorted((table / "_delta_log").glob("*.json")) if b'"add"' in f.read_bytes()]
    stats = [json.loads(line)["add"]["stats"] for line in commit.read_text().splitlines() if '"add"' in line]
    ranges = sorted(
        (json.loads(each)["minValues"]["value"], json.loads(each)["maxValues"]["value"]) for each in stats
    )
    assert len(ranges) > 1
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


def test_records_and_rejects_are_described_too(spark, tmp_path):
    tables = Tables(spark, tmp_path)
    for name in ("bronze/records", "bronze/rejects"):
        tables.append(name, spark.createDataFrame([], TABLES[name].ddl))
        fields = delta.read(spark, tmp_path, name).schema.fields
        assert [field.metadata["comment"] for field in fields] == [c.comment for c in TABLES[name].columns]


def events(spark, first, last, day):
    at = round(day.timestamp() * 1e6)
    rows = [("web.events", 0, i, at, None, b"{}", day.date()) for i in range(first, last)]
    return spark.createDataFrame(rows, TABLES["bronze/events"].ddl).coalesce(1)


def test_days_with_many_files_become_large_ones_and_nothing_is_lost(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(maintenance, "COMPACT_FROM", 3)
    today = datetime(2026, 3, 3, tzinfo=UTC)
    for i in range(3):
        delta.append(spark, tmp_path, "bronze/events", events(spark, i * 10, i * 10 + 10, today))
    delta.append(spark, tmp_path, "bronze/events", events(spark, 30, 40, today + timedelta(days=1)))
    maintenance.compact(spark, tmp_path, "bronze/events")
    found = delta.read(spark, tmp_path, "bronze/events")
    assert sorted(row.offset for row in found.collect()) == list(range(40))
    assert len(found.inputFiles()) == 2
    assert {Path(file).parent.name for file in found.inputFiles()} == {"day=2026-03-03", "day=2026-03-04"}


@pytest.mark.minutes
def test_vacuum_keeps_what_can_still_be_asked_for(spark, tmp_path):
    first = write(spark, tmp_path, {ANN: "c_ann"})
    write(spark, tmp_path, {ANN: "c_tom"})
    maintenance.vacuum(spark, tmp_path, "gold/identifiers", 24)
    then = delta.read(spark, tmp_path, "gold/identifiers", first)
    assert [row.customer_id for row in then.collect()] == ["c_ann"]
    kept = set((tmp_path / "gold" / "identifiers").glob("*.parquet"))
    maintenance.vacuum(spark, tmp_path, "gold/identifiers", 0)
    assert len(set((tmp_path / "gold" / "identifiers").glob("*.parquet"))) < len(kept)
    now = delta.read(spark, tmp_path, "gold/identifiers")
    assert [row.customer_id for row in now.collect()] == ["c_tom"]
    properties = spark.sql(f"DESCRIBE DETAIL delta.`{tmp_path / 'gold/identifiers'}`").first().properties
    assert properties["delta.logRetentionDuration"] == "interval 0 hours"


def test_history_is_as_long_as_the_oldest_generation_that_is_kept(tmp_path):
    assert history_hours(tmp_path, 30, now=1e9) == 720
    publish(tmp_path, [], 1)
    publish(tmp_path, [], 2)
    os.utime(path_of(tmp_path, 1) / "manifest.json", (1e9 - 100 * 3_600, 1e9 - 100 * 3_600))
    os.utime(path_of(tmp_path, 2) / "manifest.json", (1e9, 1e9))
    assert history_hours(tmp_path, 30, now=1e9) == 720
    assert history_hours(tmp_path, 1, now=1e9) == 124


def test_no_generation_goes_while_nobody_can_say_where_readers_stand(spark, tmp_path):
    generations = tmp_path / "generations"
    for number in range(1, 6):
        publish(generations, [], number)
    (tmp_path / "delta").mkdir()
    tidy(spark, tmp_path / "delta", generations, Keep(2, 30, lambda: None))
    mark = tmp_path / "delta" / ".vacuumed"
    assert mark.exists()
    os.utime(mark, (0, 0))
    assert numbers(generations) == [1, 2, 3, 4, 5]
    tidy(spark, tmp_path / "delta", generations, Keep(2, 30, lambda: 2))
    assert numbers(generations) == [2, 4, 5]
    assert mark.stat().st_mtime > 0, "vacuum was due"
