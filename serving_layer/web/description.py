"""GET /v1/openapi.json: what the server answers, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1)."""

import inspect
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from serving_layer.access.principal import SCOPES
from serving_layer.shapes import Problem
from serving_layer.web.about import ABOUT, PLAIN, About
from serving_layer.web.console import PAGE
from serving_layer.web.message import JSON, Request, Response, json
from serving_layer.web.query import parameters
from serving_layer.web.route import Route, Table

_ABOUT_ALL: Final = (
    "Which customer is this? Identifiers travel in bodies, never in a URL. Answers may get more fields: "
    "leave out what you do not know."
)

# Statuses that follow from a route's row: it wants a key; it takes a body.
_OF_A_KEY: Final = (401, 403, 429, 503)
_OF_A_BODY: Final = (400, 413)

_WHY: Final = {
    400: "the query or the body is not what the route takes",
    401: "no valid key or token",
    403: "the key has not the scope that the route needs",
    404: "there is no such thing, for this key",
    406: "none of the forms that are accepted can be had",
    410: "the cursor is too old: start again",
    414: "the path or the query is too long",
    413: "the body, or a line of it, is too large",
    422: "there is too much to read",
    429: "a limit of the key",
    503: "there is nothing to answer from: try again",
}
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "in how many seconds to try again"},
}


class Description:
    """The route's handler."""

    def __init__(self) -> None:
        self._table = Table([])
        self._told: Response | None = None

    def of(self, table: Table) -> None:
        """Describe these routes, once somebody asks."""
        self._table = table

    async def show(self, _: Request) -> Response:
        """The description of this API, as OpenAPI 3.1."""
        if self._told is None:
            self._told = json(described(self._table))
        return self._told


def described(table: Table) -> dict[str, Any]:
    """The description of a table's routes."""
    shapes: list[type[Any]] = list(dict.fromkeys([Problem, *_shapes(table)]))
    schemas, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    known = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table.routes:
        if route.path.startswith(PAGE):
            continue  # for people
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, ABOUT.get(route.name, PLAIN), known
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "ucid", "version": _version(), "description": _ABOUT_ALL},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "a key's secret, or a token"}
            },
        },
    }


def _shapes(table: Table) -> Iterator[type[Any]]:
    for route in table.routes:
        about = ABOUT.get(route.name, PLAIN)
        yield from (shape for shape in (*about.takes.values(), *about.gives.values()) if shape is not None)


def _operation(route: Route, about: About, known: Mapping[type[Any], Any]) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(route.handle.__doc__ or route.name).partition("\n")
    description = more.strip()
    if route.scope is not None:
        description += f"\n\nNeeds the scope `{route.scope}`: {SCOPES[route.scope]}."
    refusals = {*about.refuses, *(_OF_A_KEY if route.scope else ()), *(_OF_A_BODY if about.takes else ())}
    if about.query is not None or "{" in route.path:
        refusals.add(414)
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": summary,
        "description": description.strip(),
        "security": [{"key": []}] if route.scope else [],
        "parameters": [*_path_parameters(route), *_query_parameters(about)],
        "responses": {
            str(about.status): _response(
                HTTPStatus(about.status).phrase, _content(about.gives, known), about.headers
            )
        },
    }
    for status in sorted(refusals):
        # The address is read by Granian, which answers without a body.
        content = {} if status == HTTPStatus.REQUEST_URI_TOO_LONG else _content({JSON: Problem}, known)
        operation["responses"][str(status)] = _response(_WHY[status], content, _HEADERS.get(status, {}))
    if about.takes:
        operation["requestBody"] = {"required": True, "content": _content(about.takes, known)}
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z]+", re.sub(r"\{.*?\}|\.json|/v\d+/", " ", route.path))
    return "_".join(
        ["customer" if "{customer_id}" in route.path and word == "customers" else word for word in words]
    )


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(about: About) -> Iterator[dict[str, Any]]:
    if about.query is None:
        return
    for name, schema in parameters(about.query).items():
        parameter = {"name": name, "in": "query", "required": False, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _content(shapes: Mapping[str, type[Any] | None], known: Mapping[type[Any], Any]) -> dict[str, Any]:
    return {kind: {} if shape is None else {"schema": known[shape]} for kind, shape in shapes.items()}


def _response(why: str, content: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    told = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
    return {"description": why, "headers": told, "content": content}


def _version() -> str:
    try:
        return version("ucid")
    except PackageNotFoundError:
        return "0"
