"""What stands behind a path's question mark, decoded."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from serving_layer.errors import Refused
from serving_layer.web.body import without_values

Query = TypeVar("Query", bound=msgspec.Struct)

_NUMBER = re.compile("-?[0-9]{1,18}")

# Parameters in a query, at most.
_MOST = 20


def queried(query: str, type_: type[Query]) -> Query:
    """What a query says. Raises Refused (400), which quotes no value."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except (ValueError, UnicodeDecodeError):
        raise Refused(400, "the query is not UTF-8, or has too many parameters", "query") from None
    given: dict[str, str | int] = dict(pairs)
    if len(given) < len(pairs):
        raise Refused(400, "a parameter of the query is given twice", "query")
    # msgspec's own leniency would take more: "null" for None, and 5 for a moment.
    for name, schema in parameters(type_).items():
        if schema.get("type") == "integer" and _NUMBER.fullmatch(text := str(given.get(name))):
            given[name] = int(text)
    try:
        return msgspec.convert(given, type_)
    except msgspec.ValidationError as error:
        problem = (
            f"the query cannot be taken: {without_values(error)}; there are {', '.join(parameters(type_))}"
        )
        raise Refused(400, problem, "query") from None


@cache
def parameters(type_: type[msgspec.Struct]) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of a query, each with its JSON Schema. Who leaves one out says None."""
    _, components = msgspec.json.schema_components([type_])
    return {
        name: next(option for option in schema["anyOf"] if option != {"type": "null"})
        for name, schema in components[type_.__name__]["properties"].items()
    }
