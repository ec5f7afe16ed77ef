"""Printing for programs: one JSON object a line."""

import sys

import msgspec


def print_line(said: object) -> None:
    """Print a line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
