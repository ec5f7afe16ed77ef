"""Rows as one JSON object, and as a line each (NDJSON)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from serving_layer.data.steps import Row
from serving_layer.data.tables import Table

_encoder = msgspec.json.Encoder()


class Json:
    """`{"customers": […], "more": …, "next": …}`."""

    tells_its_end = True

    def __init__(self, table: Table) -> None:
        self._name = table.name
        self._comma = b""

    def begin(self) -> bytes:
        """See `Format`."""
        return b'{"' + self._name.encode() + b'":['

    def rows(self, rows: Sequence[Row]) -> bytes:
        """See `Format`."""
        if not rows:
            return b""
        comma, self._comma = self._comma, b","
        return comma + _encoder.encode(rows)[1:-1]

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """See `Format`."""
        return b"]," + _encoder.encode(ending)[1:]

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """Nothing: the brackets are missing."""
        del error
        return b""


class NdJson:
    """A row a line, and a last line `{"end": {"more": …, "next": …}}`, or with what went wrong."""

    tells_its_end = True

    def __init__(self, table: Table) -> None:
        del table

    def begin(self) -> bytes:
        """See `Format`."""
        return b""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """See `Format`."""
        return _encoder.encode_lines(rows)

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """See `Format`."""
        return _encoder.encode_lines([{"end": ending}])

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """See `Format`."""
        return _encoder.encode_lines([error])
