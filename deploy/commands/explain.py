"""`ucid explain TYPE=VALUE TYPE=VALUE`: why are these two one customer, or why not?"""

import argparse
import sys

import msgspec

from deploy import bootstrap
from deploy.noting import note
from deploy.pairs import type_and_value
from deploy.settings import Settings
from serving_layer.answers import explanation_json
from serving_layer.explanation import explain
from serving_layer.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("a", type=type_and_value, metavar="TYPE=VALUE")
    parser.add_argument("b", type=type_and_value, metavar="TYPE=VALUE")


def run(options: argparse.Namespace) -> int:
    """Print one JSON object; exit code 1 where they are not the same."""
    settings = Settings.load()
    view = bootstrap.serving_view(settings)
    found = view.ask(explain(settings.tenant, options.a, options.b))
    about = [end.customer[0] for end in (found.a, found.b) if end.customer is not None]
    note(settings, "explain", about, 2)
    told = explanation_json(found, settings.tenant, History(settings.history))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    return 0 if found.same else 1
