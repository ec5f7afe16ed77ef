"""`ucid export customers`: every customer of the serving view, one JSON object a line."""

import argparse
import sys

import msgspec

from deploy import bootstrap
from deploy.commands.simulate import customer_json
from deploy.settings import Settings
from deploy.user import user
from serving_layer.access.audit import Entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("what", choices=["customers"])


def run(options: argparse.Namespace) -> int:
    """Print as the view is read; nothing is held back in memory but the overlay."""
    settings = Settings.load()
    with bootstrap.audited(settings) as note:
        note(Entry(who=user(), tenant=settings.tenant, act="export", detail={"what": options.what}))
    for customer in bootstrap.serving_view(settings).customers():
        sys.stdout.buffer.write(msgspec.json.encode(customer_json(customer)) + b"\n")
    return 0
