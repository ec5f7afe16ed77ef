"""SOURCE.yaml: every default, every refusal with its remedy, and what makes two of them mean the same."""

from pathlib import Path

import pytest

from batch_layer.sources import definition
from batch_layer.sources.errors import DefinitionError
from batch_layer.sources.model import Column, Deleted, Source, Template

SMALL = "source: crm\nformat: csv\nexport: full\nrecord_id: id\nidentifiers: {email: mail}\n"


def problems(text):
    with pytest.raises(DefinitionError) as caught:
        definition.parse(text, Path("crm.yaml"))
    assert str(caught.value).splitlines() == [f"crm.yaml: {problem}" for problem in caught.value.problems]
    return caught.value.problems


def column(entry):
    return definition.parse(f"{SMALL}columns: {{c: {{{entry}}}}}").columns["c"]


def test_a_small_definition_has_every_default():
    assert definition.parse(SMALL, Path("/x/crm.yaml")) == Source(
        name="crm",
        format="csv",
        export="full",
        record_id="id",
        identifiers={"email": (Template(("", "mail", "")),)},
        path=Path("/x/crm.yaml"),
    )


def test_a_definition_is_read_whole():
    source = definition.parse(
        """
        version: 1
        source: billing
        tenant: shop
        format: jdbc
        options: {url: "jdbc:postgresql://db/x", dbtable: accounts, fetchsize: 1000}
        watermark: updated
        nulls: ["-", "NULL"]
        record_id: no
        changed_at: updated
        deleted: {column: state, values: [closed, yes, 3]}
        identifiers: {account: "b-{no}", phone: [home, mobile]}
        attributes: {name.full: "{first} {last}"}
        columns:
          born: {type: date, format: [dd.MM.yyyy, yyyyMMdd], min: 1900-01-01, when_wrong: drop}
          debt: {type: "DECIMAL(12, 2)", decimal: ",", grouping: ".", max: 1e6}
          state: {required: true, values: [open, closed, 3]}
        stop_when: {rejected: 0.5%, ended: 1}
        """.replace("record_id: no", 'record_id: "no"'),
        Path("/x/billing.yaml"),
    )
    assert source.export == "increment"
    assert source.options == {"url": "jdbc:postgresql://db/x", "dbtable": "accounts", "fetchsize": "1000"}
    assert source.deleted == Deleted("state", ("closed", "true", "yes", "on", "3"))
    assert source.nulls == ("", "-", "NULL")
    assert source.identifiers["account"] == (Template(("b-", "no", "")),)
    assert source.attributes["name.full"].columns == ("first", "last")
    assert source.used == ("no", "updated", "state", "home", "mobile", "first", "last", "born", "debt")
    assert source.column("updated").type == "timestamp"
    assert source.columns["born"] == Column(
        type="date", formats=("dd.MM.yyyy", "yyyyMMdd"), minimum="1900-01-01", drop=True
    )
    assert source.columns["debt"] == Column(type="decimal(12,2)", decimal=",", grouping=".", maximum="1E+6")
    assert (source.stop_rejected, source.stop_ended) == (0.005, 1.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SMALL.replace("export: full\n", ""), "export: is missing: write 'full' if each load holds every"),
        (SMALL.replace("format: csv", "format: cvs"), "format: write one of csv, json, jsonl, xml, parquet"),
        (SMALL.replace("record_id: id\n", ""), "record_id: write a text, such as customer_no"),
        (SMALL.replace("source: crm", "source: My CRM"), "source: write a name of small letters"),
        (SMALL.replace("{email: mail}", "{}"), "identifiers: name at least one"),
        (SMALL.replace("{email: mail}", '{email: "{mail"}'), "identifiers.email: write columns in braces"),
        (
            SMALL.replace("{email: mail}", "{on: mail}"),
            "identifiers.True: is no text: put the name in quotes",
        ),
        (f"{SMALL}attribute: {{}}", "attribute: is no known key; did you mean 'attributes'?"),
        (f"{SMALL}options: {{encodin: x}}", "options.encodin: is no known key; did you mean 'encoding'?"),
        (f"{SMALL}options: {{sep: ';', delimiter: ','}}", "options.sep: says what 'delimiter' says"),
        (f"{SMALL}watermark: at", "watermark: only serves 'format: jdbc'"),
        (f"{SMALL}stop_when: {{rejected: 5}}", "stop_when.rejected: write a share, such as 5% or 0.05"),
        (f"{SMALL}stop_when: {{rejected: x%}}", "stop_when.rejected: write a share, such as 5% or 0.05"),
        (f"{SMALL}tenant: a b", "tenant: write a name of letters"),
        (f"{SMALL}nulls: NULL", "nulls: write a list of texts in quotes"),
        (f"{SMALL}deleted: state", "deleted: must be a mapping"),
        (f"{SMALL}changed_at: at\ncolumns: {{at: {{type: int}}}}", "columns.at.type: is changed_at's"),
        (f"{SMALL}columns: {{id: {{when_wrong: drop}}}}", "columns.id.when_wrong: is the record id's"),
        ("source: crm\nsource: crm", "is not YAML: "),
        ("version: 2", "version: only version 1 is known: write 1"),
        ("- a", "the file: must be a mapping of 'key: value'"),
        (SMALL.replace("csv", "xml"), "options.rowTag: is missing: write the tag around one record"),
        (SMALL.replace("csv", "jdbc"), "options.url: is missing: write it as jdbc:postgresql://"),
        (SMALL.replace("csv", "jdbc"), "options.dbtable: is missing: name the table"),
        (f"{SMALL.replace('csv', 'jdbc')}files: x", "files: has no meaning with 'format: jdbc'"),
        (
            f"{SMALL.replace('csv', 'jdbc')}options: {{password: secret}}",
            "options.password: write {env: NAME} or {file: PATH}: a definition is no place for a secret",
        ),
        (
            f"{SMALL.replace('csv', 'jdbc')}options: {{password: {{env: UCID_NOT_SET}}}}",
            "options.password: the environment variable UCID_NOT_SET is not set",
        ),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(text, told):
    assert any(problem.startswith(told) for problem in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("type: varchar", "type: write one of string, boolean, tinyint, byte"),
        ('type: "decimal(40,2)"', "type: write decimal(p,s)"),
        ("format: dd.MM.yyyy", "format: only serves 'type: date' or 'type: timestamp'"),
        ('type: date, format: "%d.%m.%Y"', "format: is written as Python does: write it as Spark does"),
        ("type: date, format: dd.MM.YYYY", "format: a year is written yyyy"),
        ("type: date, format: dd.mm.yyyy", "format: has minutes (mm) and no month"),
        ("type: date, format: qqqq", "format: is no pattern of Spark's for reading"),
        ("type: timestamp, timezone: CEST", "timezone: write a time zone by its place"),
        ("type: double, decimal: comma", 'decimal: write one sign in quotes, such as ","'),
        ('type: double, decimal: ",", grouping: ","', "grouping: is the decimal sign too"),
        ("pattern: '['", "pattern: is a bad regular expression"),
        ("min: 3", "min: only serves 'type: int'"),
        ("type: int, min: low", "min: write a value of the type int, such as 0"),
        ("type: date, max: 31.12.2020", "max: write a value of the type date, such as 1900-01-01"),
        ("required: 1", "required: write true or false"),
        ("when_wrong: skip", "when_wrong: write one of reject, drop"),
        ("required: true, when_wrong: drop", "'when_wrong: drop' leaves nothing to be 'required'"),
    ],
)
def test_what_is_wrong_with_a_column_is_told(entry, told):
    found = problems(f"{SMALL}columns: {{c: {{{entry}}}}}")
    assert any(problem.startswith((f"columns.c.{told}", f"columns.c: {told}")) for problem in found), found


def test_a_secret_comes_from_elsewhere_and_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_PASSWORD", "hunter2")
    (tmp_path / "secret").write_text("hunter2\n")
    for place in ("{env: CRM_PASSWORD}", f"{{file: {tmp_path}/secret}}"):
        options = f'options: {{url: "jdbc:x", dbtable: t, password: {place}}}'
        source = definition.parse(f"{SMALL.replace('csv', 'jdbc')}{options}")
        assert source.options["password"] == "hunter2"
        assert "hunter2" not in repr(source)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(DefinitionError, match="cannot be read"):
        definition.load(tmp_path / "none.yaml")


def test_the_same_meaning_has_the_same_fingerprint():
    base = definition.parse(f"{SMALL}attributes: {{a: x, b: y}}")
    same = definition.parse(
        f"{SMALL}attributes: {{b: y, a: x}}\nfiles: x.csv\nstop_when: {{ended: 1}}", Path("y")
    )
    assert base.fingerprint == same.fingerprint
    changed = ("attributes: {a: x}", "nulls: ['-']", "options: {sep: ';'}", "columns: {x: {required: true}}")
    prints = {definition.parse(f"{SMALL}{line}").fingerprint for line in changed}
    assert len(prints | {base.fingerprint}) == len(changed) + 1


def test_the_types_are_sparks():
    for type_ in ("tinyint", "BIGINT", "long", "double", "decimal", "timestamp", "Date", "boolean"):
        assert column(f"type: {type_}").type == ("decimal(10,0)" if type_ == "decimal" else type_.lower())
