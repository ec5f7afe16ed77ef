"""`ucid status`: how each process of the local stack does."""

import argparse

from deploy.local import Stack


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Print a line for each; exit code 1 where one is not up."""
    del options
    services = Stack().status()
    for service in services:
        print(f"{service.name:8} {service.state:12} {service.address or '-':24} {service.log}")
    return 0 if all(service.state == "up" for service in services) else 1
