"""`ucid unlink TYPE=VALUE TYPE=VALUE --why …`: these two are never one customer."""

import argparse

from deploy.decide import configure, decide

__all__ = ["configure", "run"]


def run(options: argparse.Namespace) -> int:
    """Send a cannot-link."""
    return decide(options, "cannot_link")
