"""Every format gives the same records, whatever their encoding; what is torn is told."""

import gzip
import json
from pathlib import Path

import pytest

from batch_layer.sources.errors import Unreadable

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DEFINITION = """
source: crm
format: FORMAT
export: full
record_id: nr
changed_at: updated
identifiers: {crm: nr, email: mail}
attributes: {name: name, born: born, balance: balance, town: address.town}
columns:
  born: {type: date}
  balance: {type: "decimal(12,2)"}
stop_when: {ended: 100%, rejected: 100%}
"""
ROWS = [
    {"nr": "007", "updated": "2026-01-01T10:00:00Z", "mail": "zoë@x.org", "name": 'Zoë, "Zo"\nLee',
     "born": "1971-06-24", "balance": "1234.5", "town": "Łódź"},
    {"nr": "8", "updated": "2026-01-02T00:00:00Z", "mail": None, "name": "Bob", "born": None, "balance": None,
     "town": None},
]  # fmt: skip
STANDING = {
    "007": (
        {"crm": ["007"], "email": ["zoë@x.org"]},
        {"name": 'Zoë, "Zo"\nLee', "born": "1971-06-24", "balance": "1234.5", "town": "Łódź"},
    ),
    "8": ({"crm": ["8"]}, {"name": "Bob"}),
}


def nested():
    return [
        {**{k: v for k, v in row.items() if k != "town"}, "address": {"town": row["town"]}} for row in ROWS
    ]


def csv(separator=","):
    def quoted(value):
        return '"' + (value or "").replace('"', '""') + '"'

    lines = [separator.join(["nr", " updated", "mail", "name", "born", "balance", "address.town"])]
    lines += [separator.join(quoted(row[k]) for k in ROWS[0]) for row in ROWS]
    return "\r\n".join(lines) + "\r\n"


def xml():
    def entry(row):
        address = f"<address><town>{row['town']}</town></address>" if row["town"] else "<address/>"
        fields = "".join(f"<{k}>{row[k]}</{k}>" for k in row if k != "town" and row[k])
        return f"<customer>{fields}{address}</customer>"

    return f'<?xml version="1.0" encoding="UTF-8"?><all>{"".join(map(entry, ROWS))}</all>'


def parquet(path):
    import pyarrow as pa
    from pyarrow import parquet as pq

    table = pa.table(
        {
            "nr": [row["nr"] for row in ROWS],
            "updated": pa.array([row["updated"] for row in ROWS]).cast(pa.timestamp("us", "UTC")),
            "mail": [row["mail"] for row in ROWS],
            "name": [row["name"] for row in ROWS],
            "born": pa.array([row["born"] for row in ROWS]).cast(pa.date32()),
            "balance": pa.array([1234.5, None]),
            "address": [{"town": row["town"]} for row in ROWS],
        }
    )
    pq.write_table(table, path)


def avro(path):
    import fastavro

    optional = ["null", "string"]
    town = {"type": "record", "name": "Address", "fields": [{"name": "town", "type": optional}]}
    fields = [{"name": k, "type": optional} for k in ROWS[0] if k != "town"]
    schema = {"type": "record", "name": "Row", "fields": [*fields, {"name": "address", "type": town}]}
    with Path(path).open("wb") as file:
        fastavro.writer(file, schema, nested())


def written(desk, format_):
    """An export in a format, under a name that Spark would pass over."""
    path = str(desk.folder / f"_crm [1].{format_}")
    match format_:
        case "csv":
            return desk.write(f"_crm [1].{format_}", csv())
        case "json":
            return desk.write(f"_crm [1].{format_}", json.dumps(nested(), indent=1))
        case "jsonl":
            lines = "".join(f"{json.dumps(row)}\n" for row in nested())
            return desk.write("crm.jsonl.gz", gzip.compress(lines.encode()))
        case "xml":
            return desk.write(f"_crm [1].{format_}", xml())
        case "parquet":
            parquet(path)
        case "avro":
            avro(path)
    return path


def test_all_formats_say_the_same(desk):
    options = {"xml": "options: {rowTag: customer}\n"}
    for format_ in ("csv", "json", "jsonl", "xml", "parquet", "avro"):
        source = desk.source(DEFINITION.replace("FORMAT", format_) + options.get(format_, ""))
        (report,) = desk.load(source, written(desk, format_))
        # The first makes them; to the others, with one exception, nothing is new.
        if format_ == "csv":
            assert (report.totals["new"], report.failures) == (2, ())
            assert desk.standing() == STANDING
        else:
            assert (report.totals["unchanged"], report.totals["read"]) == (2, 2), format_


def test_encodings_and_delimiters(desk):
    text = DEFINITION.replace("FORMAT", "csv")
    marked = desk.write("marked.csv", csv(), "utf-8-sig")
    desk.load(desk.source(text), marked)
    assert desk.standing() == STANDING
    for encoding in ("windows-1250", "UTF-16"):
        source = desk.source(f"{text}options: {{encoding: {encoding}, delimiter: ';'}}")
        (report,) = desk.load(source, desk.write(f"{encoding}.csv", csv(";"), encoding))
        assert report.totals["unchanged"] == 2


def outcome(desk, source, path):
    """Why a file was not taken: it cannot be read, or a limit stopped it."""
    try:
        (report,) = desk.load(source, path)
    except Unreadable as error:
        return str(error)
    return report.stopped


@pytest.mark.parametrize("format_", ["parquet", "avro", "gz", "json"])
def test_a_torn_file_is_told_and_nothing_is_taken(desk, format_):
    kind = {"gz": "jsonl"}.get(format_, format_)
    path = written(desk, kind)
    content = Path(path).read_bytes()
    torn = desk.write(f"torn.{'jsonl.gz' if format_ == 'gz' else format_}", content[: len(content) // 2])
    source = desk.source(
        DEFINITION.replace("FORMAT", kind).replace("100%, rejected: 100%", "0%, rejected: 0%")
        + ("options: {rowTag: customer}\n" if kind == "xml" else "")
    )
    told = outcome(desk, source, torn)
    assert told.startswith((f"{torn}: ", "2 of 2 rows", "1 of 1 rows"))
    assert "zoë" not in told
    assert desk.standing() == {}
