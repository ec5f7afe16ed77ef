"""`ucid link TYPE=VALUE TYPE=VALUE --why …`: these two are one customer."""

import argparse

from deploy.decide import configure, decide

__all__ = ["configure", "run"]


def run(options: argparse.Namespace) -> int:
    """Send a must-link."""
    return decide(options, "must_link")
