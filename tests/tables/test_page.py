"""docs/tables.md says of every table what the table says of itself."""

import re
from pathlib import Path

import pytest

from batch_layer.tables import TABLES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tables.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"\n### (\S+)\n(.*?)(?=\n### |\n## )", PAGE, re.DOTALL))


def test_every_table_has_its_section_and_no_other():
    assert list(SECTIONS) == list(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_as_described(name):
    rows = [line for line in SECTIONS[name].splitlines() if line.startswith("| `")]
    assert rows == [f"| `{c.name}` | `{c.type}` | {c.comment} |" for c in TABLES[name].columns]


@pytest.mark.parametrize("name", TABLES)
def test_key_and_layout_are_as_described(name):
    table = TABLES[name]
    said = SECTIONS[name].split("\n|")[0]
    assert table.row in said
    columns = {column.name for column in table.columns}
    for what, names in (("Key: ", table.key), ("each ", table.partitions), ("order of ", table.order)):
        listed = ", ".join(f"`{column}`" for column in names)
        assert (f"{what}{listed}." in said) == bool(names)
        assert set(names) <= columns


def test_what_is_personal_says_so():
    for table in TABLES.values():
        for column in table.columns:
            if column.name in {"value", "a_value", "b_value", "x", "anchor", "identifiers", "row"}:
                assert column.type == "BIGINT" or "personal data" in column.comment, column
