"""`ucid lookup TYPE=VALUE…`: which customer is each of these?"""

import argparse
import sys

import msgspec

from deploy import bootstrap
from deploy.pairs import type_and_value
from deploy.settings import Settings
from serving_layer.answers import answer_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "identifiers",
        nargs="+",
        type=type_and_value,
        metavar="TYPE=VALUE",
        help="such as email=ann@example.com",
    )


def run(options: argparse.Namespace) -> int:
    """Print one JSON object a line; exit code 1 where none is known."""
    answer = bootstrap.serving_view(Settings.load()).lookup(options.identifiers)
    for found in answer_json(answer)["results"]:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0 if any(found.customer for found in answer.found) else 1
