"""Identifiers: what a customer is met by.

An identifier is a pair of strings. Being a tuple it hashes fast, compares by type and then by value,
and so has the one total order that every tie in `identity` is broken with.
"""

from typing import NamedTuple


class Identifier(NamedTuple):
    """A (type, normalised value) pair, ordered by type and then by value."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


Pair = tuple[Identifier, Identifier]

# What a raw value means, and why it can link nobody (None if it can).
Screened = tuple[Identifier, str | None]


def pair(a: Identifier, b: Identifier) -> Pair:
    """The two ends of a link, smaller first: a link has no direction."""
    return (a, b) if a < b else (b, a)
