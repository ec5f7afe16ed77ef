"""What stands behind a path's question mark, decoded."""

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from serving_layer.web.body import without_values
from serving_layer.web.refused import Refused

Query = TypeVar("Query", bound=msgspec.Struct)

# Parameters in a query, at most.
_MOST = 20


def queried(query: str, type_: type[Query]) -> Query:
    """What a query says. Raises Refused (400), which quotes no value."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except (ValueError, UnicodeDecodeError):
        raise Refused(400, "the query is not UTF-8, or has too many parameters", "query") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Refused(400, "a parameter of the query is given twice", "query")
    try:
        return msgspec.convert(given, type_, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(field.encode_name for field in msgspec.structs.fields(type_))
        problem = f"the query cannot be taken: {without_values(error)}; there are {names}"
        raise Refused(400, problem, "query") from None
