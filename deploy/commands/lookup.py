"""`ucid lookup TYPE=VALUE…`: which customer is each of these?"""

import argparse

from deploy import bootstrap
from deploy.commands.simulate import moment
from deploy.noting import note
from deploy.pairs import type_and_value
from deploy.printing import print_line
from deploy.settings import Settings
from serving_layer import questions
from serving_layer.answers import found_json
from serving_layer.past import answered, standing_at


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "identifiers",
        nargs="+",
        type=type_and_value,
        metavar="TYPE=VALUE",
        help="such as email=ann@example.com",
    )
    parser.add_argument("--as-of", type=moment, metavar="T", help="who it was then (RFC 3339)")


def run(options: argparse.Namespace) -> int:
    """Print one JSON object a line; exit code 1 where none is known."""
    settings = Settings.load()
    view = bootstrap.serving_view(settings)
    generations, asked = view.generations, options.identifiers
    if options.as_of is None:
        answer = view.ask(questions.lookup(generations.current, settings.tenant, asked))
    else:
        standing = standing_at(generations, options.as_of)
        answer = answered(standing, questions.lookup(standing, settings.tenant, asked))
    known = [outcome.customer[0] for outcome in answer.found if outcome.customer]
    note(settings, "lookup", known, len(asked))
    for outcome in answer.found:
        unknown = {"customer_id": None, "reason": "unknown"}
        print_line({**outcome.identifier._asdict(), **(found_json(outcome, members=True) or unknown)})
    return 0 if known else 1
