"""`ucid triggers [FILE]`: follow events and changes, and tell of what the triggers of a file wait for."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy import bootstrap
from deploy.settings import Settings

STARTER = Path(__file__).parents[1] / "triggers.yaml"


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
    from deploy.triggering import run_worker  # noqa: PLC0415 - to check a file nobody needs Faust

    with TemporaryDirectory(prefix="ucid-triggers-") as nothing:
        return run_worker(bootstrap.trigger_app(Settings.load(), triggers, Path(nothing)))
