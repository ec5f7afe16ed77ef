"""What each route takes and gives, by its name: what its row in the table cannot say.

The description of the API is made from this, the table of routes and the docstrings of its handlers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from serving_layer import shapes
from serving_layer.data.formats import FORMATS
from serving_layer.data.tables import CHANGES, CUSTOMERS, IDENTIFIERS, Table
from serving_layer.web.data import OfChanges, OfCustomers, OfIdentifiers
from serving_layer.web.decisions import Ruling
from serving_layer.web.erasures import Receipt, Wish
from serving_layer.web.explanations import Both
from serving_layer.web.lookups import Questions
from serving_layer.web.message import JSON, NDJSON
from serving_layer.web.permissions import Check, Whose
from serving_layer.web.profiles import Update
from serving_layer.web.requests import Proposal, Which
from serving_layer.web.sources import Sighting
from serving_layer.web.trials import Trial

_PAGE_HEADERS: Final = MappingProxyType(
    {
        "ucid-more": "whether there is more behind this page; of pages and CSV",
        "ucid-next": "the cursor to go on with, where there is one; of pages and CSV",
    }
)


@dataclass(frozen=True, slots=True)
class About:
    """One route. `gives` and `takes` have, by media type, the structure in a body; None is text or bytes.

    `query` has a field for each parameter; `refuses` are statuses besides those that follow from its row.
    """

    gives: Mapping[str, type[Any] | None]
    takes: Mapping[str, type[Any] | None] = field(default_factory=dict)
    query: type[msgspec.Struct] | None = None
    status: int = 200
    refuses: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def _json(shape: type[Any]) -> Mapping[str, type[Any]]:
    return {JSON: shape}


def _data(table: Table, query: type[msgspec.Struct]) -> About:
    forms = {kind: table.page if kind == JSON else None for kind in FORMATS}
    return About(forms, query=query, refuses=(400, 406, 410), headers=_PAGE_HEADERS)


PLAIN: Final = About({JSON: None})
"""Of a route that nothing is said of here: tests find it."""

ABOUT: Final[Mapping[str, About]] = {
    "GET /v1/customers": _data(CUSTOMERS, OfCustomers),
    "GET /v1/identifiers": _data(IDENTIFIERS, OfIdentifiers),
    "GET /v1/changes": _data(CHANGES, OfChanges),
    "POST /v1/lookup": About(
        {JSON: shapes.Lookup, NDJSON: None}, {JSON: Questions, NDJSON: None}, refuses=(404,)
    ),
    "GET /v1/customers/{customer_id}": About(_json(shapes.Customer), refuses=(404,)),
    "GET /v1/customers/{customer_id}/history": About(_json(shapes.History), refuses=(404,)),
    "POST /v1/explain": About(_json(shapes.Explanation), _json(Both), refuses=(422,)),
    "GET /v1/customers/{customer_id}/graph": About(_json(dict[str, Any]), refuses=(404,)),
    "GET /v1/customers/{customer_id}/outcomes": About(_json(dict[str, Any]), refuses=(404,)),
    "GET /v1/campaigns": About(_json(dict[str, Any])),
    "GET /v1/segments": About(_json(shapes.Segments)),
    "GET /v1/catalogue": About(_json(shapes.Catalogue)),
    "POST /v1/source": About(_json(dict[str, Any]), _json(Sighting)),
    "POST /v1/permissions/check": About(_json(dict[str, Any]), _json(Check)),
    "POST /v1/permissions/history": About(_json(dict[str, Any]), _json(Whose), refuses=(404,)),
    "POST /v1/profiles/update": About(_json(dict[str, Any]), _json(Update), status=202),
    "POST /v1/simulate": About(_json(dict[str, Any]), _json(Trial), refuses=(422,)),
    "GET /v1/rules": About(_json(dict[str, Any])),
    "GET /v1/health": About(_json(dict[str, Any])),
    "POST /v1/decisions": About(_json(shapes.Decided), _json(Ruling), status=202),
    "POST /v1/erasures": About(_json(dict[str, Any]), _json(Wish), status=202),
    "POST /v1/erasures/receipt": About(_json(dict[str, Any]), _json(Receipt), refuses=(404,)),
    "POST /v1/erasures/requests": About(_json(dict[str, Any]), _json(Proposal), status=202),
    "GET /v1/erasures/waiting": About(_json(dict[str, Any])),
    "POST /v1/erasures/requests/approve": About(
        _json(dict[str, Any]), _json(Which), status=202, refuses=(404,)
    ),
    "POST /v1/erasures/requests/receipt": About(_json(dict[str, Any]), _json(Receipt), refuses=(404,)),
    "POST /v1/erasures/requests/reject": About(_json(dict[str, Any]), _json(Which), refuses=(404,)),
    "GET /healthz": About(_json(shapes.Alive)),
    "GET /readyz": About(_json(shapes.Freshness), refuses=(503,)),
    "GET /metrics": About({"text/plain": None, "application/openmetrics-text": None}),
    "GET /v1/openapi.json": About(_json(dict[str, Any])),
}
