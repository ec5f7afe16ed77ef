"""`ucid triggers [FILE]`: follow events and changes, and tell of what the triggers of a file wait for."""

import argparse
from pathlib import Path

from deploy import bootstrap
from deploy.settings import Settings
from deploy.triggering import STARTER, run_worker


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "file", type=Path, nargs="?", default=STARTER, help="the triggers; default: a starter set"
    )
    parser.add_argument("--check", action="store_true", help="only say whether the file can be used")


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; what is in hand is done again by the next one."""
    triggers = bootstrap.triggers(options.file)
    if options.check:
        print(f"{options.file}: {len(triggers)} triggers: {', '.join(triggers)}")
        return 0
    return run_worker(bootstrap.trigger_app(Settings.load(), triggers))
