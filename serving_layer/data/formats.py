"""Rows as JSON, NDJSON, XML, CSV and, where pyarrow is installed, Parquet."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, Protocol

from serving_layer.data.csv_form import Csv
from serving_layer.data.json_forms import Json, NdJson
from serving_layer.data.steps import Row
from serving_layer.data.tables import Table
from serving_layer.data.xml_form import Xml


class Format(Protocol):
    """Writes one answer: a beginning, rows, an end."""

    @property
    def tells_its_end(self) -> bool:
        """Whether a reader sees that the end is missing where an answer broke off."""

    def begin(self) -> bytes:
        """What comes first."""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Some rows."""

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """What comes last: `ending` has `more`, `next` and, of customers, what they rest on."""

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """What comes last where there can be no end; empty where the format has no place for it."""


def _formats() -> dict[str, Callable[[Table], Format]]:
    found: dict[str, Callable[[Table], Format]] = {
        "application/json": Json,
        "application/x-ndjson": NdJson,
        "text/csv": Csv,
        "application/xml": Xml,
    }
    if find_spec("pyarrow") is not None:
        found["application/vnd.apache.parquet"] = _parquet
    return found


def _parquet(table: Table) -> Format:
    from serving_layer.data.parquet_form import Parquet  # noqa: PLC0415 - an extra, and slow to import

    return Parquet(table)


FORMATS: Final[Mapping[str, Callable[[Table], Format]]] = _formats()
"""By media type; the first is for who does not mind. Takes a while where it is Parquet for the first time."""
