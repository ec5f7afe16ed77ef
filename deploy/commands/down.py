"""`ucid down [--wipe]`: stop the local stack."""

import argparse

from deploy.local import Stack


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("--wipe", action="store_true", help="delete all its data, too")


def run(options: argparse.Namespace) -> int:
    """Stop what runs; no error if nothing does."""
    stack = Stack()
    stack.down(wipe=options.wipe)
    print(f"ucid is down{' and its data deleted' if options.wipe else f'; its data stays in {stack.home}'}")
    return 0
