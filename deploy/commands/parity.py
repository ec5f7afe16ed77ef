"""`ucid parity`: is what the stream told readers what the batch makes of the same messages?"""

import argparse
import sys

import msgspec

from batch_layer import report
from batch_layer.rehearsal import Difference, parity_now
from deploy import bootstrap
from deploy.errors import InputError
from deploy.settings import Settings
from schemas.generation import numbers


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--now", action="store_true", help="rebuild all up to this moment, without publishing, and compare"
    )
    parser.add_argument(
        "--generation", type=int, metavar="N", help="what the run that made it found; default: the newest"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the comparison; 1 where a difference is unexplained. Raises InputError."""
    settings = Settings.load()
    differences: list[Difference] = []
    if options.now:
        job = bootstrap.batch_job(settings)
        found, differences = parity_now(job, progress=lambda text: print(text, file=sys.stderr))
    else:
        number = options.generation
        if number is None:
            number = max(numbers(settings.generations), default=0)
        if not number:
            raise InputError("no run has compared anything yet: 'ucid parity --now' does")
        found = report.load(settings.generations, number).parity
    if options.json:
        print(msgspec.json.encode({"parity": found, "differences": differences}).decode())
        return int(not found.holds)
    print("\n".join(found.lines()))
    for each in differences:
        stream, batch = each.stream or "nobody", each.batch or "nobody"
        print(f"  {each.type}={each.value} ({each.tenant}): the stream says {stream}, the batch {batch}")
    return int(not found.holds)
