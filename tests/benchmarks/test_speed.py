"""The benchmark of the speed layer at a tiny size: what it prints, and that it measures what it says."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from benchmarks.speed import PARTS, findings, latency, parts, postgres_server
from benchmarks.speed.course import Course
from benchmarks.speed.errors import Broken, LeftOut
from benchmarks.speed.findings import Findings
from benchmarks.speed.postgres import create_tables, merge, names
from benchmarks.speed.suite import Plan, _Suite, measure
from benchmarks.speed.two_workers import limit
from benchmarks.speed.workload import Workload
from deploy.cli import main
from deploy.commands import bench
from identity.resolve import components

RATIOS = [
    *("vs_faust_noop", "vs_decode_only", "vs_postgres", "two_workers", "two_workers_without_keys"),
    *("p99_vs_bare", "bytes_per_identifier", "telling_vs_plain", "at_10m_vs_1m", "tenfold_customers"),
]


def test_a_rate_leaves_out_what_nobody_saw_begin():
    course = Course()
    for moment, count in ((10.0, 500), (11.0, 1_500), (12.0, 3_500), (12.5, 4_500)):
        course.note(moment, count)
    assert course.rate() == pytest.approx(4_000 / 2.5)
    assert course.rate(last=1_500) == pytest.approx(1_000)
    assert course.rate(first=1_400, last=3_500) == pytest.approx(2_000)
    assert course.rate(first=4_500) == 0


def test_latency_is_the_wait_until_an_offset_is_passed():
    sent = [(n / 100, int(n % 10 == 0), n) for n in range(2_000)]
    seen = [(moment + (0.7 if partition else 0.3), partition, n + 1) for moment, partition, n in sent]
    found = latency.latency_of(sent, seen)
    assert found.p50 == pytest.approx(0.3)
    assert found.p99 == pytest.approx(0.7)


def test_an_offset_passed_in_one_leap_makes_all_below_it_visible():
    sent = [(float(number), 0, number) for number in range(1_000)]
    found = latency.latency_of(sent, [(2_000.0, 0, 1_000), (3_000.0, 0, 1_001)])
    assert found.p50 == pytest.approx(1_500, abs=2)


def test_few_samples_make_no_percentile():
    with pytest.raises(LeftOut, match="too few"):
        latency.latency_of([(float(n), 0, n) for n in range(100)], [(200.0, 0, 100)])


def test_a_ratio_is_of_medians_and_against_the_better_peer():
    found = Findings()
    for rate in (100.0, 900.0, 600.0):
        found.add({"worker_events_per_second": rate, "postgres_settings": "as it comes"})
    found.add({"faust_noop_events_per_second": 50.0, "faust_noop_uvloop_events_per_second": 60.0})
    report = found.report()
    assert report.ratios["vs_faust_noop"] == 10
    assert report.figures["worker_events_per_second"] == 600
    assert report.figures["postgres_settings"] == "as it comes"


def test_every_part_that_is_left_out_is_null_with_its_reason():
    found = Findings()
    found.leave_out("postgres", "there is no initdb")
    found.leave_out("worker", "not asked for")
    found.add({"decode_only_events_per_second": 5.0})
    report = json.loads(found.report().as_json())
    assert list(report) == ["figures", "ratios", "why"]
    assert list(report["ratios"]) == RATIOS
    assert set(report["ratios"].values()) == {None}
    assert list(report["why"]) == RATIOS
    assert report["why"]["vs_postgres"] == "there is no initdb"
    assert report["why"]["vs_decode_only"] == "not asked for"


def test_a_report_without_nulls_has_no_why():
    found = Findings()
    for ratio in findings.RATIOS.values():
        found.add(dict.fromkeys([ratio.of, *ratio.over], 2.0))
    report = found.report()
    assert list(json.loads(report.as_json())) == ["figures", "ratios"]
    assert set(report.ratios.values()) == {1.0}


def test_each_ratio_needs_a_part_that_there_is():
    assert list(findings.RATIOS) == RATIOS
    assert {ratio.part for ratio in findings.RATIOS.values()} <= PARTS.keys()


@pytest.mark.parametrize(
    ("cores", "told"),
    [
        ({"idle": 0.05, "redis": 0.4, "kafka": 0.2, "worker_1": 0.7, "worker_2": 0.6}, "the processor"),
        ({"idle": 5.0, "redis": 0.97, "kafka": 0.2, "worker_1": 0.7, "worker_2": 0.6}, "Redis"),
        ({"idle": 5.0, "redis": 0.5, "kafka": 0.2, "worker_1": 0.99, "worker_2": 0.6}, "the workers"),
        ({"idle": 5.0, "redis": 0.5, "kafka": 0.2, "worker_1": 0.5, "worker_2": 0.6}, "waiting"),
    ],
)
def test_the_limit_of_two_workers_is_named(cores, told):
    assert limit(cores).startswith(told)


def test_postgres_merges_what_was_seen_together():
    events = list(Workload.of(400))
    seen = [names(event) for event in events]
    together = {}
    for some in seen:
        for name in some:
            together.setdefault(name, {}).update(dict.fromkeys(some))
    try:
        with postgres_server.postgres() as server, postgres_server.connect(server) as connection:
            create_tables(connection)
            for some, event in zip(seen, events, strict=True):
                merge(connection, some, event.occurred_at)
            rows = connection.execute("SELECT person, id FROM distinct_id").fetchall()
            people = connection.execute("SELECT count(*) FROM person").fetchall()[0][0]
    except LeftOut as error:
        pytest.skip(str(error))
    found = {}
    for person, name in rows:
        found.setdefault(person, set()).add(name)
    assert {frozenset(group) for group in found.values()} == {frozenset(g) for g in components(together)}
    assert people == len(found)


def test_without_postgres_the_reason_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_server, "_PLACES", str(tmp_path / "*"))
    with pytest.raises(LeftOut, match="install"), postgres_server.postgres():
        pass


def test_where_postgres_cannot_go_the_reason_is_given(monkeypatch, tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(LeftOut), postgres_server.postgres():
        pass
    assert not list(deep.iterdir())


def test_without_faust_the_reason_is_given(monkeypatch):
    def lacking(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(parts, "version", lacking)
    with pytest.raises(LeftOut, match=r"pip install 'ucid\[bench\]'"):
        parts.Parts(None, None).faust()


@pytest.mark.parametrize("wrong", [["--only", "everything"], ["--skip", "worker,"], ["--scale", "0"]])
def test_what_cannot_be_measured_is_refused(wrong):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "speed", *wrong])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], PARTS.keys() - {"growth"}),
        (["--full"], PARTS.keys()),
        (["--full", "--skip", "avro,faust"], PARTS.keys() - {"avro", "faust"}),
        (["--only", "worker,check", "--skip", "check"], {"worker"}),
        (["--only", "growth"], {"growth"}),
    ],
)
def test_parts_are_chosen(options, wanted, monkeypatch):
    from benchmarks.speed import suite

    plans = []
    monkeypatch.setattr(suite, "measure", lambda plan, _: plans.append(plan) or Findings().report())
    assert main(["bench", "speed", "--json", *options]) == 0
    assert plans == [Plan(1.0, 1, frozenset(wanted))]


def test_a_wrong_result_is_no_figure(monkeypatch, capsys):
    def measure(*_):
        raise Broken("c_1 is served with other identifiers than follow from the log")

    monkeypatch.setattr(bench, "_speed", measure)
    assert main(["bench", "speed"]) == 1
    assert capsys.readouterr().err.startswith("ucid: c_1 is served")


def failing(name, text):
    """A suite of which one part ends in an error."""

    def part():
        raise Broken(text)

    made = _Suite(Plan(0.02, 1, frozenset({"worker", name})), lambda _: None)
    return made, part


def test_a_peer_that_fails_costs_only_its_own_ratio(monkeypatch, capsys):
    made, part = failing("two_workers", "a worker ended")
    made._take("two_workers", part)
    report = made.findings.report()
    assert report.failed
    assert report.why["two_workers"] == "it failed: a worker ended"
    monkeypatch.setattr(bench, "_speed", lambda _: report)
    assert main(["bench", "speed", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ratios"]["two_workers"] is None


def test_without_a_right_worker_nothing_is_reported():
    made, part = failing("check", "wrong")
    with pytest.raises(Broken):
        made._take("check", part)


@pytest.mark.stack
@pytest.mark.slow
def test_everything_is_measured_on_real_servers(monkeypatch):
    monkeypatch.setattr(latency, "SECONDS", 4.0)
    monkeypatch.setattr(parts, "FAUST_SECONDS", 2.0)
    monkeypatch.setattr(parts, "POSTGRES_EVENTS", 500)
    told = []
    report = measure(Plan(0.02, 1, frozenset(PARTS) - {"growth"}), told.append)
    assert list(report.ratios) == RATIOS
    assert {name for name, value in report.ratios.items() if value is None} == set(report.why)
    # The log may be too short for two workers, and PostgreSQL or Faust may not be there.
    assert set(report.why) <= {
        *("two_workers", "two_workers_without_keys", "vs_postgres", "vs_faust_noop"),
        *("at_10m_vs_1m", "tenfold_customers"),
    }
    assert all(value is None or value > 0 for value in report.ratios.values())
    assert report.figures["worker_events"] == 20_000
    assert 0 < report.figures["customers"] < report.figures["identifiers"]
    homes = [Path(text.split(" in ")[1]) for text in told if text.startswith("servers")]
    assert len(homes) == 5
    assert not any(home.exists() for home in homes)
