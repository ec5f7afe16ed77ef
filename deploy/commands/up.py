"""`ucid up [--rules FILE]`: start the local stack, a worker and the HTTP server."""

import argparse
from pathlib import Path

from deploy import system
from deploy.api_keys import DEMO_SECRET
from deploy.local import ConsoleProgress, Stack


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="the rules to begin with; default: a starter set"
    )


def run(options: argparse.Namespace) -> int:
    """Start what is not running."""
    progress = ConsoleProgress()
    state = system.up(Stack(), options.rules, progress)
    progress.close()
    print(f"ucid is up: http://{state.address('http')}, data in {state.home}, a key in {DEMO_SECRET} there")
    return 0
