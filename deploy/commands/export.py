"""`ucid export customers` and `ucid export person TYPE=VALUE`: what is known of all, and of one.

See docs/erasure.md for what is told of a person.
"""

import argparse
import csv
import io
import sys

import msgspec

from deploy import bootstrap
from deploy.access import Row, everything, rows
from deploy.commands.simulate import customer_json
from deploy.noting import note
from deploy.pairs import type_and_value
from deploy.printing import print_line
from deploy.settings import Settings
from serving_layer import questions
from serving_layer.access.audit import Seal
from serving_layer.history import History
from serving_layer.person import whole


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("customers", help="every customer, one JSON object a line")
    person = what.add_parser("person", help="everything about one person, for a request of access")
    person.add_argument("identifier", type=type_and_value, metavar="TYPE=VALUE", help="one of the person's")
    person.add_argument("--format", choices=["json", "csv"], default="json", help="default: json")


def run(options: argparse.Namespace) -> int:
    """Print what is asked for; exit code 1 where a person is not known."""
    settings = Settings.load()
    return _person(settings, options) if options.what == "person" else _customers(settings)


def _customers(settings: Settings) -> int:
    """Print as the view is read; nothing is held back in memory but the overlay."""
    note(settings, "export", detail={"what": "customers"})
    for customer in bootstrap.serving_view(settings).customers():
        print_line(customer_json(customer))
    return 0


def _person(settings: Settings, options: argparse.Namespace) -> int:
    view, tenant = bootstrap.serving_view(settings), settings.tenant
    (found,), freshness = view.ask(questions.lookup(view.generations.current, tenant, [options.identifier]))
    whole(freshness)
    customer = found.as_customer()
    about = Seal(settings.id_key).of(tenant, found.identifier) if customer is None else customer.id
    note(settings, "export", [about], asked=1, detail={"what": "person"})
    if customer is None:
        why = f" ({found.reason})" if found.reason else ""
        print(
            f"ucid: no customer is known by this identifier{why}: there is nothing to tell", file=sys.stderr
        )
        return 1
    landed = (settings.delta / "bronze").is_dir()
    job = (lambda: bootstrap.batch_job(settings)) if landed else None
    told = everything(view, tenant, customer, History(settings.history), job)
    sys.stdout.buffer.write(_csv(told) if options.format == "csv" else _json(told))
    return 0


def _json(told: dict[str, object]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


def _csv(told: dict[str, object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([Row._fields, *rows(told)])
    return text.getvalue().encode()
