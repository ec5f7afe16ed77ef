"""Rows as XML 1.0: an element for each field, `<item>` for each entry of a list, and an `<end/>`."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from serving_layer.data.steps import Row
from serving_layer.data.tables import Table

# What no XML document can hold, not even escaped (XML 1.0, 2.2).
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# A parser would make a line feed of it.
_ENTITIES = {"\r": "&#13;"}


class Xml:
    """`<customers><customer>…</customer>…<end><more>…</more></end></customers>`."""

    tells_its_end = True

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self) -> bytes:
        """See `Format`."""
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<{self._table.name}>\n'.encode()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """See `Format`."""
        name = self._table.one
        return "".join(_element(name, msgspec.to_builtins(row)) + "\n" for row in rows).encode()

    def end(self, ending: Mapping[str, Any]) -> bytes:
        """See `Format`."""
        told = msgspec.to_builtins(ending)
        # Names of partitions are no names of elements.
        told["offsets"] = [
            {"partition": name, "next": next_} for name, next_ in told.get("offsets", {}).items()
        ]
        return f"{_element('end', told)}\n</{self._table.name}>\n".encode()

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """Nothing: the last tag is missing."""
        del error
        return b""


def _element(name: str, value: Any) -> str:  # noqa: ANN401
    if value is None:
        return f"<{name}/>"
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(key, some) for key, some in value.items())}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(_element('item', some) for some in value)}</{name}>"
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    text = str(value)
    if _IMPOSSIBLE.search(text):
        return f'<{name} encoding="base64">{b64encode(text.encode()).decode()}</{name}>'
    return f"<{name}>{escape(text, _ENTITIES)}</{name}>"
