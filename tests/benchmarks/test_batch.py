"""The benchmark of the batch layer at a tiny size: what it prints, and that wrong answers are no figures."""

import os
import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.batch import PARTS, assigning, splinking, workload
from benchmarks.batch.memory import watched
from benchmarks.batch.splinking import splink
from benchmarks.batch.suite import RATIOS, Plan, measure
from benchmarks.speed.errors import Broken, LeftOut
from deploy.cli import main
from identity import Facts, Observer, rulefile
from schemas import WEB
from schemas.absorb import absorb, accept

LINKS = [("a", "b"), ("b", "c"), ("d", "e"), ("f", "f")]


@pytest.fixture
def links(tmp_path):
    path = tmp_path / "links.parquet"
    a, b = zip(*LINKS, strict=True)
    pq.write_table(pa.table({"a": a, "b": b}), path)
    return path


def assigned(tmp_path, **roots):
    path = tmp_path / "assigned.parquet"
    pq.write_table(pa.table({"x": list(roots), "root": list(roots.values())}), path)
    return path


def test_a_right_assignment_passes(links, tmp_path):
    assert assigning.check(links, assigned(tmp_path, f=9, e=-4, d=-4, c=0, b=0, a=0)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, "f": 9},  # joined
        {"a": 0, "b": 0, "c": 1, "d": 2, "e": 2, "f": 3},  # parted
        {"a": 0, "b": 0, "c": 4, "d": 4, "e": 5, "f": 9},  # as many, but others
        {"a": 0, "b": 0, "c": 0, "d": 4, "e": 4},  # one is missing
        {"a": 0, "b": 0, "c": 0, "d": 4, "e": 4, "g": 9},  # another one
    ],
)
def test_a_wrong_assignment_is_no_figure(links, tmp_path, wrong):
    with pytest.raises(Broken):
        assigning.check(links, assigned(tmp_path, **wrong))


def test_one_process_is_right(links, tmp_path):
    out = tmp_path / "out.parquet"
    assigning.one_process(links, out)
    assert assigning.check(links, out) == 3


@pytest.mark.slow
def test_ours_is_right_of_links_in_many_files(spark, tmp_path):
    rng = random.Random(7)
    frame = spark.createDataFrame(
        [(f"x{rng.randrange(900)}", f"x{rng.randrange(900)}") for _ in range(700)], "a STRING, b STRING"
    )
    frame.repartition(5).write.parquet(str(tmp_path / "links"))
    assigning.ours(spark, tmp_path / "links", tmp_path / "out")
    assert assigning.check(tmp_path / "links", tmp_path / "out") > 1


def test_without_splink_the_reason_is_given(monkeypatch, links, tmp_path):
    monkeypatch.setattr(splinking, "find_spec", lambda _: None)
    with pytest.raises(LeftOut, match="pip install splink"):
        splink(links, tmp_path / "out.parquet")


def test_memory_of_who_was_started_counts():
    with watched(os.getpid()) as peak:
        peak.look(os.getpid())
        before = peak.bytes
        ballast = bytearray(os.urandom(1 << 16)) * 512
        peak.look(os.getpid())
    assert peak.bytes - before > len(ballast) / 2


def test_each_ratio_needs_a_part_that_there_is():
    assert {ratio.part for ratio in RATIOS.values()} <= PARTS.keys()
    assert list(RATIOS) == [
        *("vs_graphx", "vs_one_process", "vs_splink_1m", "vs_splink_5m"),
        *("growth_200k_1m", "growth_1m_3m", "peak_gib", "incremental_vs_full", "bytes_per_identifier"),
    ]


@pytest.mark.parametrize("wrong", [["--only", "worker"], ["--skip", "rebuild,"], ["--scale", "3"]])
def test_what_cannot_be_measured_is_refused(wrong):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "batch", *wrong])
    assert caught.value.code == 2


@pytest.mark.slow
def test_the_made_up_customers_are_as_promised(spark):
    rows = workload.messages(spark, 0, 400).collect()
    assert len(rows) == 400 * workload.MESSAGES
    assert len({(row.partition, row.offset) for row in rows}) == len(rows)
    observer = Observer(rulefile.parse(workload.RULES))
    records = [accept(WEB, bytes(row.value), row.ingested_at) for row in rows]
    seen = {
        observer.identify(t, v)[0] for record in records for t, vs in record.identifiers.items() for v in vs
    }
    assert len(seen) == pytest.approx(400 * workload.IDENTIFIERS, rel=0.02)
    assert workload.links(spark, 400).distinct().count() == 400 * workload.LINKS


@pytest.mark.slow
def test_an_increment_is_one_percent_more_links(spark):
    customers = 8_000
    frame, count = workload.increment(spark, customers)
    rows = frame.collect()
    assert len(rows) == count
    offsets = Counter(row.partition for row in rows)
    before, after = (workload.ends(customers * workload.MESSAGES + more) for more in (0, count))
    assert offsets == {partition: after[partition] - before[partition] for partition in after}
    assert {(row.partition, row.offset) for row in rows} == {
        (partition, offset) for partition in after for offset in range(before[partition], after[partition])
    }
    observer, facts = Observer(rulefile.parse(workload.RULES)), Facts()
    for row in rows:
        absorb(accept(WEB, bytes(row.value), row.ingested_at), observer, facts, row.ingested_at)
    assert len(facts.links) == pytest.approx(customers * workload.LINKS / 100, rel=0.02)


@pytest.mark.slow
@pytest.mark.minutes
def test_everything_is_measured(spark):
    report = measure(Plan(0.0002, 1, frozenset(PARTS) - {"splink_1m", "splink_5m"}), spark, lambda _: None)
    assert {name for name, value in report.ratios.items() if value is None} == set(report.why)
    assert set(report.why) == {"vs_splink_1m", "vs_splink_5m"}
    assert report.figures["path_components"] == report.figures["hub_components"] == 1
    assert report.figures["generation_identifiers"] > 600 * 3.9
