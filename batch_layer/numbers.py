"""Identifiers as 64-bit numbers: what shuffles, sorts and joins carry in place of strings.

A number is the xxHash64 of the identifier's key. Of n identifiers two share one with a probability of about
n**2 / 2**65: once in 250,000 runs over twelve million. It is looked for all the same, over all identifiers
and before anything is concluded; where two meet, another seed is taken. So equal numbers mean equal
identifiers, always. Numbers do not sort as identifiers do: where order decides, the strings are at hand.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

Number = Callable[[str], Column]


def number(seed: int) -> Number:
    """Makes the number of the identifier in a column."""
    return lambda column: f.xxhash64(f.lit(seed), f.col(column))


def is_ambiguous(numbered: DataFrame) -> bool:
    """Whether two of the identifiers, one row each, have one number `xi`."""
    return not numbered.groupBy("xi").count().where("count > 1").isEmpty()


def type_of(column: str) -> Column:
    """The type of the identifier in a column."""
    return f.split_part(f.col(column), f.lit("\0"), f.lit(2))


def code_of(column: str, types: Sequence[str]) -> Column:
    """The place of the identifier's type among `types`, from 0."""
    return (f.array_position(f.array(*map(f.lit, types)), type_of(column)) - 1).cast("int")


def chosen(values: Sequence[Any], code: Column) -> Column:
    """That of the constants which stands at a place, from 0: one access, however many there are."""
    return f.get(f.array(*map(f.lit, values)), code)
