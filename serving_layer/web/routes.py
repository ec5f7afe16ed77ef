"""All routes. Tests try each of them with every kind of wrong key: one that is added here is tried, too."""

from dataclasses import dataclass

from serving_layer.asked import Waiting
from serving_layer.desk import Desk
from serving_layer.history import History
from serving_layer.metrics import Metrics
from serving_layer.web import lookups, trials
from serving_layer.web.catalogue import Catalogue
from serving_layer.web.console import Console
from serving_layer.web.customers import Customers
from serving_layer.web.data import Data
from serving_layer.web.decisions import Decisions, Send
from serving_layer.web.description import Description
from serving_layer.web.erasures import Erasing, Erasures
from serving_layer.web.explanations import Explanations
from serving_layer.web.health import Ends, Health
from serving_layer.web.lookups import Lookups
from serving_layer.web.operations import Operations
from serving_layer.web.outcomes import Outcomes
from serving_layer.web.permissions import Permissions
from serving_layer.web.pictures import Pictures
from serving_layer.web.profiles import Profiles
from serving_layer.web.requests import Requests
from serving_layer.web.route import Route, Table
from serving_layer.web.segments import Segments
from serving_layer.web.sources import Find, Sources
from serving_layer.web.trials import Trials, TryOut


@dataclass(frozen=True, slots=True)
class Outside:
    """What a server reaches besides Redis and its files.

    `send` puts what is decided, or updated, into the log, and `erasing` an erasure, for which others wait in
    `waiting`; `try_out` tries rules,
    `ends` says where the log ends, `find` which message showed a link.
    """

    send: Send
    erasing: Erasing
    waiting: Waiting
    try_out: TryOut
    ends: Ends
    find: Find


def table(desk: Desk, metrics: Metrics, history: History, outside: Outside) -> Table:
    """The table of what a server answers."""
    lookup, customers, operations = Lookups(desk), Customers(desk, history), Operations(desk, metrics)
    permissions = Permissions(desk)
    explanations, decisions = Explanations(desk, history), Decisions(desk, outside.send)
    erasures = Erasures(desk, outside.erasing)
    requests = Requests(desk, outside.waiting, erasures)
    data, description = Data(desk, history), Description()
    pictures, trial, health = (
        Pictures(desk),
        Trials(outside.try_out, desk.shared.generations),
        Health(desk, outside.ends),
    )
    console = Console()
    profiles, outcomes = Profiles(desk, outside.send), Outcomes(desk)
    routes = Table(
        [
            Route("GET", "/v1/customers", data.customers, "read"),
            Route("GET", "/v1/identifiers", data.identifiers, "read"),
            Route("GET", "/v1/changes", data.changes, "read"),
            Route("POST", "/v1/lookup", lookup.lookup, "lookup", lookups.MOST_BYTES, lookup.at_once),
            Route("GET", "/v1/customers/{customer_id}", customers.customer, "read"),
            Route("GET", "/v1/customers/{customer_id}/history", customers.history, "read"),
            Route("GET", "/v1/customers/{customer_id}/graph", pictures.graph, "read"),
            Route("GET", "/v1/customers/{customer_id}/outcomes", outcomes.customer, "read"),
            Route("GET", "/v1/campaigns", outcomes.campaigns, "read"),
            Route("GET", "/v1/segments", Segments(desk).segments, "read"),
            Route("GET", "/v1/catalogue", Catalogue(desk).catalogue, "read"),
            Route("POST", "/v1/explain", explanations.explain, "read"),
            Route("POST", "/v1/source", Sources(desk, outside.find).source, "read"),
            Route("POST", "/v1/permissions/check", permissions.check, "lookup", lookups.MOST_BYTES),
            Route("POST", "/v1/permissions/history", permissions.history, "read"),
            Route("POST", "/v1/profiles/update", profiles.update, "update"),
            Route("POST", "/v1/decisions", decisions.decide, "steward"),
            Route("POST", "/v1/erasures", erasures.erase, "erase"),
            Route("POST", "/v1/erasures/receipt", erasures.receipt, "erase"),
            Route("POST", "/v1/erasures/requests", requests.ask, "four_eyes"),
            Route("GET", "/v1/erasures/waiting", requests.waiting, "four_eyes"),
            Route("POST", "/v1/erasures/requests/approve", requests.approve, "four_eyes"),
            Route("POST", "/v1/erasures/requests/receipt", erasures.receipt, "four_eyes"),
            Route("POST", "/v1/erasures/requests/reject", requests.reject, "four_eyes"),
            Route("POST", "/v1/simulate", trial.simulate, "read", trials.MOST_BYTES),
            Route("GET", "/v1/rules", trial.rules, "admin"),
            Route("GET", "/v1/health", health.health, "read"),
            Route("GET", "/console", console.here, None),
            Route("GET", "/console/", console.page, None),
            Route("GET", "/console/{file}", console.file, None),
            Route("GET", "/healthz", operations.alive, None),
            Route("GET", "/readyz", operations.ready, None),
            Route("GET", "/metrics", operations.metrics, None),
            Route("GET", "/v1/openapi.json", description.show, None),
        ]
    )
    description.of(routes)
    return routes
