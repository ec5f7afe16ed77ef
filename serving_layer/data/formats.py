"""Rows as JSON, NDJSON, XML, CSV and, where pyarrow is installed, Parquet."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, Protocol

from serving_layer.data.csv_form import Csv
from serving_layer.data.json_forms import Json, NdJson
from serving_layer.data.steps import Row
from serving_layer.data.tables import Table
from serving_layer.data.xml_form import Xml


class Format(Protocol):
    """Writes one answer: a beginning, rows, an end."""

    def __init__(self, table: Table) -> None: ...

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


def _formats() -> dict[str, type[Format]]:
    found: dict[str, type[Format]] = {
        "application/json": Json,
        "application/x-ndjson": NdJson,
        "text/csv": Csv,
        "application/xml": Xml,
    }
    if find_spec("pyarrow") is not None:
        from serving_layer.data.parquet_form import Parquet  # noqa: PLC0415 - an extra

        found["application/vnd.apache.parquet"] = Parquet
    return found


FORMATS: Final[Mapping[str, type[Format]]] = _formats()
"""By media type; the first is for who does not mind."""
