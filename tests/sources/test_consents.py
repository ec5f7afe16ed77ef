"""Consents in SOURCE.yaml: what is refused with which remedy, and what of a load's rows is a word."""

from pathlib import Path

import pytest

from batch_layer.sources import definition
from batch_layer.sources.errors import DefinitionError
from batch_layer.sources.model import Consent, Status, Template
from tests.sources.conftest import Desk

SMALL = "source: crm\nformat: csv\nexport: full\nrecord_id: id\nidentifiers: {email: mail}\n"
WORD = "consents: [{purpose: marketing, status: granted}]\n"

CRM = """
source: crm
format: csv
export: full
record_id: id
changed_at: at
deleted: {column: state, values: [gone]}
identifiers: {crm: id, email: mail}
consents:
  - purpose: Marketing
    channel: email
    status: {column: letter, granted: [Y, opt_in], withdrawn: [N, "0"], unknown: ["?"]}
    stated_at: letter_at
    valid_from: begin
    valid_until: end
    proof: "form-{form}"
  - {purpose: "{topic}", status: {column: said}}
columns:
  letter_at: {type: date}
  end: {type: timestamp, format: dd.MM.yyyy}
stop_when: {rejected: 1, ended: 1}
"""
HEADER = "id,at,mail,state,letter,letter_at,begin,end,form,topic,said\n"


def problems(text):
    with pytest.raises(DefinitionError) as caught:
        definition.parse(text, Path("crm.yaml"))
    return caught.value.problems


def test_a_consent_is_read_whole():
    source = definition.parse(CRM)
    assert source.consents == (
        Consent(
            purpose=Template(("Marketing",)),
            channel=Template(("email",)),
            status=Status("letter", ("Y", "opt_in"), ("N", "0"), ("?",)),
            stated_at="letter_at",
            valid_from="begin",
            valid_until="end",
            proof=Template(("form-", "form", "")),
        ),
        Consent(purpose=Template(("", "topic", "")), status=Status("said")),
    )
    used = ("id", "at", "state", "mail", "letter", "letter_at", "begin", "end", "form", "said", "topic")
    assert source.used == used
    assert source.column("begin").type == "timestamp"
    assert definition.parse(SMALL + WORD).consents[0].status == "granted"


def test_truths_of_yaml_are_the_words_that_a_file_may_hold():
    text = f"{SMALL}consents: [{{purpose: x, status: {{column: c, granted: yes, withdrawn: [no, 0]}}}}]"
    (consent,) = definition.parse(text).consents
    assert consent.status == Status("c", ("true", "yes", "on"), ("false", "no", "off", "0"))


def test_a_definition_without_consents_means_what_it_meant_before_there_were_any():
    # So that nothing which was taken in is taken in again by a newer version.
    assert definition.parse(SMALL).fingerprint == "69fdf494a9e7e386"
    assert definition.parse(SMALL + WORD).fingerprint != definition.parse(SMALL).fingerprint


@pytest.mark.parametrize(
    ("consents", "told"),
    [
        ("{purpose: x}", "consents: write a list, an entry a permission"),
        ("[{status: granted}]", "consents.1.purpose: is missing: name what is permitted, such as marketing"),
        ("[{purpose: x, status: yes}]", "consents.1.status: write granted or withdrawn where every record"),
        ("[{purpose: x}]", "consents.1.status: write granted or withdrawn where every record says so, else"),
        (
            "[{purpose: x, status: {granted: Y}}]",
            "consents.1.status.column: write a text, such as newsletter",
        ),
        ("[{purpose: x, status: {column: c, granted: []}}]", "consents.1.status.granted: write a text or a"),
        (
            "[{purpose: x, status: {column: c, granted: [y], withdrawn: [Y]}}]",
            "consents.1.status: one value means two things",
        ),
        (
            "[{purpose: x, status: {column: c, grant: Y}}]",
            "consents.1.status.grant: is no known key; did you",
        ),
        ("[{purpose: x, status: granted, chanel: y}]", "consents.1.chanel: is no known key; did you mean"),
        ("[{purpose: '{x', status: granted}]", "consents.1.purpose: write columns in braces"),
        (f"[{{purpose: {'x' * 65}, status: granted}}]", "consents.1.purpose: is longer than 64 characters"),
        (
            "[{purpose: ' ', status: granted}]",
            "consents.1.purpose: is blank: write a text, such as marketing",
        ),
        ("[{purpose: x, status: granted, proof: 'é{'}]", "consents.1.proof: write columns in braces"),
        (
            "[{purpose: x, status: {column: c}}]\ncolumns: {c: {when_wrong: drop}}",
            "columns.c.when_wrong: is a consent's: only 'reject' loses no withdrawal",
        ),
        (
            "[{purpose: x, status: granted, stated_at: t}]\ncolumns: {t: {type: int}}",
            "columns.t.type: is a moment of a consent: write date or timestamp",
        ),
        (
            f"[{', '.join(['{purpose: x, status: granted}'] * 65)}]",
            "consents: has 65 entries, at most 64 are taken",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_a_remedy(consents, told):
    found = problems(f"{SMALL}consents: {consents}")
    assert any(problem.startswith(told) for problem in found), found


@pytest.fixture(scope="module")
def landed(spark, tmp_path_factory):
    desk = Desk(spark, tmp_path_factory.mktemp("consents"))
    rows = [
        "1,2026-01-02T00:00:00Z,ann@x.org,,y,2026-01-01,,31.12.2026,7,,",
        "2,2026-01-02T00:00:00Z,bob@x.org,,N,,2026-01-01T00:00:00Z,31.12.2026,,News,withdrawn",
        "3,2026-01-02T00:00:00Z,cem@x.org,,?,,,,,,",
        "4,2026-01-02T00:00:00Z,dee@x.org,gone,N,,,,,News,granted",
        "5,2026-01-02T00:00:00Z,eve@x.org,gone,N,,,,,News,perhaps",
        "6,2026-01-02T00:00:00Z,fay@x.org,,perhaps,,,,,,",
        "7,2026-01-02T00:00:00Z,gil@x.org,,Y,2026-03-01,,,,,",
        "8,2026-01-02T00:00:00Z,hal@x.org,,Y,1970-01-01,,,,,",
        "9,2026-01-02T00:00:00Z,ida@x.org,,Y,soon,,,,,",
        "10,2026-01-02T00:00:00Z,jon@x.org,,Y,,2027-01-01T00:00:00Z,31.12.2026,,,",
        "11,2026-01-02T00:00:00Z,kim@x.org,,,,,,,,granted",
        f"12,2026-01-02T00:00:00Z,lee@x.org,,,,,,,{'x' * 65},granted",
        "13,2026-01-02T00:00:00Z,mia@x.org,,N,,2027-01-01T00:00:00Z,31.12.2026,,,",
    ]
    (report,) = desk.load(desk.source(CRM), desk.write("a.csv", HEADER + "\n".join(rows) + "\n"))
    return desk, report


@pytest.mark.stack
@pytest.mark.slow
def test_what_a_record_states_lands_with_it(landed):
    desk, _ = landed
    end = 1_798_675_200_000_000  # 2026-12-31
    withdrawn = ("Marketing", "email", "", "", "withdrawn", None, None, None, "")
    found = {
        row.record: row.consents and list(map(tuple, row.consents))
        for row in desk.tables.versions().collect()
    }
    assert found == {
        "1": [("Marketing", "email", "", "", "granted", 1_767_225_600_000_000, None, end, "form-7")],
        "2": [withdrawn, ("News", "", "", "", "withdrawn", None, None, None, "")],
        "3": [],
        "4": [withdrawn],  # who is deleted grants nothing
        "5": None,  # and says nothing, if anything is wrong with it
        "13": [withdrawn],  # its dates are those of the grant before it
    }


@pytest.mark.stack
@pytest.mark.slow
def test_a_word_that_is_none_rejects_its_record(landed):
    desk, report = landed
    assert desk.rejects() == {
        ("6", "letter", "values"),
        ("7", "letter_at", "clock"),
        ("8", "letter_at", "clock"),
        ("9", "letter_at", "type"),
        ("10", "end", "range"),
        ("11", "topic", "required"),
        ("12", "topic", "length"),
    }
    assert report.totals["rejected"] == 7
    reasons = {failure.reason for failure in report.failures}
    assert "is not after begin: correct one of the two" in reasons
    assert (
        "is none of the values that grant, withdraw or say nothing: add it to the consent's 'status'"
        in reasons
    )
    assert not any(secret in reason for reason in reasons for secret in ("perhaps", "soon", "@x.org"))


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.minutes
def test_a_table_of_a_version_without_consents_is_read_and_grows(desk):
    """What older versions of ours landed says nothing of consents; the next load adds the column."""
    plain = desk.source(CRM[: CRM.index("consents:")] + "stop_when: {ended: 1}\n")
    row = "1,2026-01-02T00:00:00Z,ann@x.org,,y,,,,,,\n"
    desk.load(plain, desk.write("a.csv", HEADER + row))
    path = str(desk.folder / "delta" / "bronze" / "records")
    old = desk.spark.read.format("delta").load(path).drop("consents")
    old.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(path)
    assert [row.consents for row in desk.tables.current(desk.last).collect()] == [None]
    # A definition that says more makes another record of the same row.
    (report,) = desk.load(desk.source(CRM), desk.write("b.csv", HEADER + row))
    assert report.totals["replaced"] == 1
    (now,) = desk.tables.current(desk.last).collect()
    assert [one.status for one in now.consents] == ["granted"]
