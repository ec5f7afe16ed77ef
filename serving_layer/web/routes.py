"""All routes. Tests try each of them with every kind of wrong key: one that is added here is tried, too."""

from serving_layer.desk import Desk
from serving_layer.history import History
from serving_layer.metrics import Metrics
from serving_layer.web import lookups, trials
from serving_layer.web.console import Console
from serving_layer.web.customers import Customers
from serving_layer.web.decisions import Decisions, Send
from serving_layer.web.explanations import Explanations
from serving_layer.web.health import Ends, Health
from serving_layer.web.lookups import Lookups
from serving_layer.web.operations import Operations
from serving_layer.web.pictures import Pictures
from serving_layer.web.route import Route, Table
from serving_layer.web.sources import Find, Sources
from serving_layer.web.trials import Trials, TryOut


def table(
    desk: Desk, metrics: Metrics, history: History, send: Send, try_out: TryOut, ends: Ends, find: Find
) -> Table:
    """The table of what a server answers.

    `send` puts a decision into the log, `try_out` tries rules, `ends` says where the log ends,
    `find` the message that showed a link.
    """
    lookup, customers, operations = Lookups(desk), Customers(desk, history), Operations(desk, metrics)
    explanations, decisions = Explanations(desk, history), Decisions(desk, send)
    pictures, trial, health = Pictures(desk), Trials(try_out, desk.shared.generations), Health(desk, ends)
    console = Console()
    return Table(
        [
            Route("POST", "/v1/lookup", lookup.lookup, "lookup", lookups.MOST_BYTES),
            Route("GET", "/v1/customers/{customer_id}", customers.customer, "read"),
            Route("GET", "/v1/customers/{customer_id}/history", customers.history, "read"),
            Route("GET", "/v1/customers/{customer_id}/graph", pictures.graph, "read"),
            Route("POST", "/v1/explain", explanations.explain, "read"),
            Route("POST", "/v1/source", Sources(desk, find).source, "read"),
            Route("POST", "/v1/decisions", decisions.decide, "steward"),
            Route("POST", "/v1/simulate", trial.simulate, "read", trials.MOST_BYTES),
            Route("GET", "/v1/rules", trial.rules, "admin"),
            Route("GET", "/v1/health", health.health, "read"),
            Route("GET", "/console", console.here, None),
            Route("GET", "/console/", console.page, None),
            Route("GET", "/console/{file}", console.file, None),
            Route("GET", "/healthz", operations.alive, None),
            Route("GET", "/readyz", operations.ready, None),
            Route("GET", "/metrics", operations.metrics, None),
        ]
    )
