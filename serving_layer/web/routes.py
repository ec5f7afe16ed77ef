"""All routes. Tests try each of them with every kind of wrong key: one that is added here is tried, too."""

from serving_layer.desk import Desk
from serving_layer.history import History
from serving_layer.metrics import Metrics
from serving_layer.web import lookups
from serving_layer.web.customers import Customers
from serving_layer.web.decisions import Decisions, Send
from serving_layer.web.erasures import Erasing, Erasures
from serving_layer.web.explanations import Explanations
from serving_layer.web.lookups import Lookups
from serving_layer.web.operations import Operations
from serving_layer.web.route import Route, Table


def table(desk: Desk, metrics: Metrics, history: History, send: Send, erasing: Erasing) -> Table:
    """The table of what a server answers; `send` puts a decision into the log, `erasing` an erasure."""
    lookup, customers, operations = Lookups(desk), Customers(desk, history), Operations(desk, metrics)
    explanations, decisions = Explanations(desk, history), Decisions(desk, send)
    erasures = Erasures(desk, erasing)
    return Table(
        [
            Route("POST", "/v1/lookup", lookup.lookup, "lookup", lookups.MOST_BYTES),
            Route("GET", "/v1/customers/{customer_id}", customers.customer, "read"),
            Route("GET", "/v1/customers/{customer_id}/history", customers.history, "read"),
            Route("POST", "/v1/explain", explanations.explain, "read"),
            Route("POST", "/v1/decisions", decisions.decide, "steward"),
            Route("POST", "/v1/erasures", erasures.erase, "erase"),
            Route("POST", "/v1/erasures/receipt", erasures.receipt, "erase"),
            Route("GET", "/healthz", operations.alive, None),
            Route("GET", "/readyz", operations.ready, None),
            Route("GET", "/metrics", operations.metrics, None),
        ]
    )
