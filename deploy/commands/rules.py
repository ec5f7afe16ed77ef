"""`ucid rules check FILE`: whether a rule file can be used, and what to write where it cannot."""

import argparse
from pathlib import Path

from identity import rulefile


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate a rule file")
    check.add_argument("file", type=Path)


def run(options: argparse.Namespace) -> int:
    """Say that the file is good; its problems are raised as RuleError."""
    rules = rulefile.load(options.file)
    print(f"{options.file}: {len(rules.types)} identifier types, fingerprint {rules.fingerprint}")
    return 0
