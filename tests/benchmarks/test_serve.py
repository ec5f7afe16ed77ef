"""The benchmark of the server at a tiny size: what it prints, and that it measures what it says."""

import json
import shutil
from contextlib import contextmanager

import pytest

from benchmarks.serve import PARTS, suite
from benchmarks.serve.load import Load
from benchmarks.serve.people import TENANT, People
from benchmarks.serve.stage import Size, stage
from benchmarks.serve.suite import RATIOS, Plan, measure
from benchmarks.speed.errors import Broken, LeftOut
from deploy.cli import main
from identity import Facts, Minter, resolve
from schemas import records

TINY = Size(600, 60)


def test_people_have_the_records_that_the_rules_make():
    people = People(b"a key")
    for number in range(40, 60):
        made = dict(people.records(number))
        x, *_ = known = people.identifiers(number)
        node = records.decode_node(made[records.node_key(TENANT, x)])
        assert node.customer == people.id(number)
        facts = Facts()
        for member in known:
            other = records.decode_node(made[records.node_key(TENANT, member)])
            facts.seen[member] = other.seen
            for z, edge in other.edges.items():
                facts.links[tuple(sorted((member, z)))] = edge.link
        (customer,) = resolve(facts, people.rules, minter=Minter(b"a key", TENANT)).customers
        assert (customer.id, sorted(customer.members)) == (people.id(number), sorted(known))
        digest = records.customer_digest(made[records.node_key(TENANT, x)])
        if digest:
            assert records.decode_customer(made[records.customer_key_of(TENANT, digest)]) == customer
        assert records.decode_id(made[records.id_key(TENANT, customer.id)]).residents


def test_no_two_people_share_anything():
    people = People(b"a key")
    keys = [key for number in range(500) for key, _ in people.records(number)]
    assert len(set(keys)) == len(keys)


def test_without_wrk_the_reason_is_given(tmp_path, monkeypatch):
    load = Load(tmp_path, "x", [b"{}"], "/", method="POST")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(LeftOut, match="apt-get install wrk"):
        load.run("http://127.0.0.1:9", 1, 1)


def test_the_secret_is_no_argument(tmp_path, monkeypatch):
    seen = {}

    def run(argv, **more):
        seen.update(more, argv=argv)
        raise Broken("enough")

    monkeypatch.setattr(shutil, "which", str)
    monkeypatch.setattr("benchmarks.serve.load.subprocess.run", run)
    with pytest.raises(Broken, match="enough"):
        Load(tmp_path, "x", [b"{}"], "/", method="POST", secret="hidden").run("http://127.0.0.1:9", 1, 1)
    assert "hidden" not in " ".join(seen["argv"])
    assert seen["env"]["BENCH_SECRET"] == "hidden"


@pytest.mark.slow
def test_everything_is_measured_on_real_servers():
    told = []
    report = measure(Plan(TINY, seconds=1, repeat=1), told.append)
    assert not report.failed
    assert list(report.ratios) == list(RATIOS)
    lacking = {name for name, value in report.ratios.items() if value is None}
    assert lacking == set(report.why)
    assert lacking <= set(RATIOS)
    assert all(value is None or value > 0 for value in report.ratios.values())
    assert report.figures["checked_customers"] > 100
    if shutil.which("wrk"):
        assert report.figures["bulk_identifiers_per_s"] > 0


@pytest.mark.slow
def test_a_wrong_answer_ends_the_run(monkeypatch):
    @contextmanager
    def expecting_others(size, progress, **more):
        with stage(size, progress, **more) as ready:
            monkeypatch.setattr(ready.people, "id", lambda _: "c_somebody_else")
            yield ready

    monkeypatch.setattr(suite, "stage", expecting_others)
    with pytest.raises(Broken, match="is not answered as it follows from the data"):
        measure(Plan(TINY, seconds=1, repeat=1, parts=frozenset({"check"})), lambda _: None)


def test_parts_that_were_not_asked_for_are_null_with_the_reason(monkeypatch, capsys):
    plans = []

    def none(plan, _):
        plans.append(plan)
        return suite.Report({}, dict.fromkeys(RATIOS), dict.fromkeys(RATIOS, "not asked for"))

    monkeypatch.setattr(suite, "measure", none)
    assert main(["bench", "serve", "--json", "--scale", "0.5", "--seconds", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["why"]["handover_p99"] == "not asked for"
    assert (plans[0].size, plans[0].seconds, plans[0].parts) == (Size(500_000, 50_000), 2, frozenset(PARTS))
