"""Loads: what becomes of records over several exports, and of a load that is stopped or killed."""

import pytest

from batch_layer.sources.errors import Unreadable
from batch_layer.sources.tables import Tables

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FULL = """
source: crm
format: csv
export: full
record_id: id
identifiers: {crm: "crm-{id}", email: [email, second]}
attributes: {name.full: "{first} {last}", name.last: last}
columns:
  id: {pattern: "[0-9]+"}
  email: {pattern: ".+@.+"}
stop_when: {rejected: 30%, ended: 60%}
"""
HEADER = "id,email,second,first,last\n"
MONDAY = f"{HEADER}1,ann@x.org,,Ann,Lee\n2,bob@x.org,b@y.org,Bob,Ray\n3,cem@x.org,,,\n"


def row(report):
    return tuple(report.totals[name] for name in ("new", "replaced", "unchanged", "ended", "rejected"))


def test_full_exports_replace_end_and_bring_back(desk):
    source = desk.source(FULL)
    monday = desk.write("monday.csv", MONDAY)
    tuesday = desk.write(
        "tuesday.csv", f"{HEADER}1,ann@x.org,,Ann,Lee\n2,new@x.org,,Bob,Ray\n4,dee@x.org,,D,E\n"
    )
    (first,) = desk.load(source, monday)
    assert row(first) == (3, 0, 0, 0, 0)
    assert desk.standing() == {
        "1": ({"crm": ["crm-1"], "email": ["ann@x.org"]}, {"name.full": "Ann Lee", "name.last": "Lee"}),
        "2": (
            {"crm": ["crm-2"], "email": ["bob@x.org", "b@y.org"]},
            {"name.full": "Bob Ray", "name.last": "Ray"},
        ),
        "3": ({"crm": ["crm-3"], "email": ["cem@x.org"]}, {}),
    }
    (second,) = desk.load(source, tuesday)
    assert row(second) == (1, 1, 1, 1, 0)
    assert set(desk.standing()) == {"1", "2", "4"}
    assert desk.standing()["2"][0] == {"crm": ["crm-2"], "email": ["new@x.org"]}

    # Both have been taken; the older one can be taken again by name.
    once_more = desk.load(source, tuesday, monday)
    assert [(r.before, r.outdated) for r in once_more] == [(2, False), (1, True)]
    assert "taken already (load 1)" in once_more[1].lines()[0]
    (third,) = desk.load(source, monday, again=True)
    assert row(third) == (1, 1, 1, 1, 0)
    assert set(desk.standing()) == {"1", "2", "3"}
    loads = desk.loads.all()
    assert [load.load for load in loads] == [1, 2, 3]
    assert [load.ingested_at for load in loads] == sorted({load.ingested_at for load in loads})
    assert loads[0].counts["new"] == 3


def test_what_fails_is_rejected_and_its_former_version_stays(desk):
    source = desk.source(FULL)
    desk.load(source, desk.write("a.csv", MONDAY))
    bad = f"{HEADER}1,ann,,Ann,Lee\n2,bob@x.org,b@y.org,Bob,Ray\n3,cem@x.org,,,\n4,dee@x.org,,D,E\n"
    (report,) = desk.load(source, desk.write("b.csv", bad))
    assert row(report) == (1, 0, 2, 0, 1)
    assert desk.rejects() == {("1", "email", "pattern")}
    assert desk.standing()["1"][0]["email"] == ["ann@x.org"]
    (failure,) = report.failures
    assert "1 x email, pattern: does not match the pattern" in "\n".join(report.lines())
    assert failure.rejected
    kept = desk.tables.rejects(desk.last).first()
    assert '"email":"ann"' in kept.row


def test_too_many_rejects_stop_a_load_before_anything_lands(desk):
    source = desk.source(FULL)
    desk.load(source, desk.write("a.csv", MONDAY))
    bad = desk.write("b.csv", f"{HEADER}1,ann,,,\n2,bob,,,\nx3,cem@x.org,,,\n4,dee@x.org,,,\n")
    good = desk.write("c.csv", f"{HEADER}5,e@x.org,,,\n")
    before = desk.standing()
    (report,) = desk.load(source, bad, good)
    assert "3 of 4 rows are rejected, and at most 30.0% may be (stop_when.rejected)" in report.stopped
    assert "STOPPED, nothing was taken" in report.lines()[-1]
    assert desk.standing() == before
    assert desk.rejects() == {("1", "email", "pattern"), ("2", "email", "pattern"), ("x3", "id", "pattern")}
    # A person looked, and takes the rest: who was rejected stays as he was, who is not there ends.
    (accepted,) = desk.load(source, bad, accept=True)
    assert row(accepted) == (1, 0, 0, 1, 3)
    assert set(desk.standing()) == {"1", "2", "4"}


def test_an_export_that_would_end_too_many_is_stopped(desk):
    source = desk.source(FULL)
    desk.load(source, desk.write("a.csv", MONDAY))
    (report,) = desk.load(source, desk.write("b.csv", f"{HEADER}1,ann@x.org,,Ann,Lee\n"))
    assert "2 of 3 records would end, and at most 60.0% may (stop_when.ended)" in report.stopped
    assert len(desk.standing()) == 3
    assert desk.last == 2


def test_a_torn_export_ends_nobody(desk):
    source = desk.source(FULL.replace("30%", "50%"))
    desk.load(source, desk.write("a.csv", MONDAY))
    (report,) = desk.load(source, desk.write("torn.csv", MONDAY[: MONDAY.index("b@y")]))
    assert row(report) == (0, 0, 1, 0, 1)
    assert report.held == 1
    assert "1 records are missing and stay" in "\n".join(report.lines())
    assert len(desk.standing()) == 3
    assert {rule for _, _, rule in desk.rejects()} == {"shape"}


def test_a_load_killed_at_any_write_is_as_if_it_had_not_been(desk, monkeypatch):
    source = desk.source(FULL)
    desk.load(source, desk.write("a.csv", MONDAY))
    before = desk.standing()
    next_ = desk.write("b.csv", f"{HEADER}1,bad,,,\n2,new@x.org,,,\n4,dee@x.org,,,\n7,g@x.org,,,\n")
    append = Tables.append

    class Killed(BaseException):
        pass

    for last_write in ("bronze/rejects", "bronze/records"):

        def dying(self, name, frame, last_write=last_write):
            append(self, name, frame)
            if name == last_write:
                raise Killed

        monkeypatch.setattr(Tables, "append", dying)
        with pytest.raises(Killed):
            desk.load(source, next_)
        monkeypatch.setattr(Tables, "append", append)
        assert desk.last == 1
        assert desk.standing() == before
    (report,) = desk.load(source, next_)
    assert (report.load, *row(report)) == (2, 2, 1, 0, 1, 1)
    assert set(desk.standing()) == {"1", "2", "4", "7"}
    assert desk.tables.rejects(2).count() == 1
    assert not list((desk.folder / "delta" / "bronze").glob(".*"))


INCREMENT = """
source: feed
format: jsonl
export: increment
record_id: id
changed_at: at
deleted: {column: gone, values: [yes]}
identifiers: {email: mail}
stop_when: {rejected: 0}
"""


def line(id_, day, mail=None, gone="no"):
    return (
        f'{{"id": "{id_}", "at": "2026-01-{day:02}T00:00:00Z", "mail": {mail or "null"}, "gone": "{gone}"}}\n'
    )


def test_the_newest_version_holds_in_whichever_order_it_was_loaded(desk):
    days = [
        line("a", 1, '"a1@x"') + line("b", 1, '"b1@x"'),
        line("a", 2, '["a2@x", "a3@x"]') + line("b", 2, '["b2@x"]') + line("a", 1, '["a1@x"]'),
        line("b", 3, gone="yes") + line("c", 3, '"c@x"'),
    ]
    paths = [desk.write(f"{i}.jsonl", text) for i, text in enumerate(days)]
    for tenant, order in (("one", (0, 1, 2)), ("other", (2, 1, 0, 1))):
        source = desk.source(INCREMENT)
        reports = [r for i in order for r in desk.load(source, paths[i], tenant=tenant)]
        assert not [report.stopped for report in reports if report.stopped]
        standing = {
            r.record: sorted(r.identifiers["email"])
            for r in desk.tables.current(desk.last).where(f"tenant = '{tenant}'").collect()
        }
        assert standing == {"a": ["a2@x", "a3@x"], "c": ["c@x"]}
    assert reports[-1].before is not None
    assert reports[0].totals["gone"] == 1
    assert reports[2].totals["older"] == 2


def test_rows_of_one_record_that_differ_are_rejected(desk):
    source = desk.source(FULL)
    text = f"{HEADER}1,a@x,,,\n1,b@x,,,\n2,c@x,,,\n2,c@x,,,\n3,d@x,,,\n4,e@x,,,\n5,f@x,,,\n"
    (report,) = desk.load(source, desk.write("a.csv", text))
    assert report.read == 7
    assert (report.totals["new"], report.totals["repeated"], report.totals["rejected"]) == (4, 1, 2)
    assert desk.rejects() == {("1", None, "unique")}


def test_a_missing_file_or_column_is_told_and_nothing_is_taken(desk):
    source = desk.source(FULL)
    with pytest.raises(Unreadable, match=r"nowhere\.csv: there is no such file"):
        desk.load(source, "nowhere.csv")
    with pytest.raises(Unreadable, match="has no column 'second'; did you mean 'seconds'"):
        desk.load(source, desk.write("a.csv", "id,email,seconds,first,last\n"))
    assert desk.last == 0
