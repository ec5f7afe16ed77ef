"""The columns of a kind of row, for formats that are tables: made from the row's fields.

A field that is a structure is spread into its own fields. Types are Parquet's names of them; a list stays a
list in Parquet and is JSON in CSV.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from serving_layer.data.steps import Row
from serving_layer.shapes import Identifier

TYPES = {
    str: "string",
    int: "int64",
    datetime: "timestamp[us, UTC]",
    list[str]: "list<string>",
    list[Identifier]: "list<struct<type: string, value: string>>",
}


class Column(NamedTuple):
    """One column: whether it may be empty, and how to have it from a row."""

    name: str
    type: str
    empty: bool
    of: Callable[[Row], Any]


@cache
def columns(row: type[Row]) -> Sequence[Column]:
    """The columns of a kind of row."""
    return tuple(_columns(row, lambda x: x, empty=False))


def _columns(struct: type[Any], of: Callable[[Any], Any], *, empty: bool) -> list[Column]:
    found: list[Column] = []
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        hint, getter = hints[field.name], _getter(of, field.name)
        options = [option for option in get_args(hint) if option is not type(None)]
        may_be_empty = empty or type(None) in get_args(hint)
        kind = options[0] if type(None) in get_args(hint) else hint
        if kind in TYPES:
            found.append(Column(field.name, TYPES[kind], may_be_empty, getter))
        else:
            found += _columns(kind, getter, empty=may_be_empty)
    return found


def _getter(of: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def get(row: Any) -> Any:  # noqa: ANN401
        value = of(row)
        return None if value is None else getattr(value, name)

    return get
