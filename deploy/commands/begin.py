"""`ucid begin [--rules FILE]`: make the topics and generation 0 of a system that is not the local stack."""

import argparse
from pathlib import Path

from deploy.beginning import begun
from deploy.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="the rules to begin with; default: a starter set"
    )


def run(options: argparse.Namespace) -> int:
    """Make what is not there yet; what is there stays, so that it may run at every start."""
    manifest = begun(Settings.load(), options.rules)
    print(f"generation {manifest.generation}, rules {manifest.fingerprint}")
    return 0
