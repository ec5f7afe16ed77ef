"""Rows as CSV (RFC 4180), UTF-8, with the names of the columns in the first line."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from serving_layer.data.columns import columns
from serving_layer.data.steps import Row
from serving_layer.data.tables import Table


class Csv:
    """A row a line; what is not there is empty, a list is JSON."""

    tells_its_end = False

    def __init__(self, table: Table) -> None:
        self._columns = columns(table.row)

    def begin(self) -> bytes:
        """See `Format`."""
        return _lines([[column.name for column in self._columns]])

    def rows(self, rows: Sequence[Row]) -> bytes:
        """See `Format`."""
        return _lines([_text(column.of(row)) for column in self._columns] for row in rows)

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """Nothing: CSV has no place for it. The header fields of a page say it."""
        del ending
        return b""

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """Nothing, likewise."""
        del error
        return b""


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return msgspec.json.encode(value).decode()
