"""Identifiers as people type them: TYPE=VALUE."""

import argparse


def type_and_value(text: str) -> tuple[str, str]:
    """Split at the first `=`; what argparse reports where there is none."""
    type_, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write TYPE=VALUE, such as email=ann@example.com")
    return type_, value
