"""Rows as Parquet, compressed with Snappy; a group of rows is written when there are enough of them."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from serving_layer.data.columns import columns
from serving_layer.data.steps import Row
from serving_layer.data.tables import Table

# Rows of a group: so many are held in memory.
GROUP: Final = 10_000

_TEXT = pa.string()
_TYPES: Final = {
    "string": _TEXT,
    "int64": pa.int64(),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    "list<string>": pa.list_(_TEXT),
    "list<struct<type: string, value: string>>": pa.list_(pa.struct([("type", _TEXT), ("value", _TEXT)])),
}


class Parquet:
    """The columns of `columns`, typed; its footer has `more` and `next` as metadata."""

    tells_its_end = True

    def __init__(self, table: Table) -> None:
        self._columns = columns(table.row)
        self._schema = pa.schema(
            [pa.field(column.name, _TYPES[column.type], nullable=column.empty) for column in self._columns]
        )
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema)
        self._rows: list[Row] = []

    def begin(self) -> bytes:
        """See `Format`."""
        return self._sink.taken()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """See `Format`."""
        self._rows += rows
        if len(self._rows) >= GROUP:
            self._group()
        return self._sink.taken()

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """See `Format`."""
        if self._rows:
            self._group()
        told = {key: msgspec.json.encode(value) for key, value in ending.items()}
        self._writer.add_key_value_metadata(told)
        self._writer.close()
        return self._sink.taken()

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """Nothing: the footer is missing, without which nobody can read it."""
        del error
        return b""

    def _group(self) -> None:
        arrays = [
            pa.array(
                [msgspec.to_builtins(column.of(row), builtin_types=(datetime,)) for row in self._rows],
                self._schema.field(column.name).type,
            )
            for column in self._columns
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


class _Sink(io.RawIOBase):
    """A file that is given away as it is written. Its place goes on, for a footer names places."""

    def __init__(self) -> None:
        self._place = 0
        self._new = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How much was written in all."""
        return self._place

    def write(self, data: Any) -> int:  # noqa: ANN401 - a buffer
        """Take it in."""
        size = len(data)
        self._new += data
        self._place += size
        return size

    def taken(self) -> bytes:
        """What is new."""
        new = bytes(self._new)
        self._new.clear()
        return new
