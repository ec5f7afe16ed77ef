"""Attributes: what may be said of a customer, and how a value is read.

A value travels as text in one spelling: a number without exponent or needless zeros, `true` or `false`, a day
as `2026-01-31`. So equal values are equal texts, in an event, in Redis and in Delta.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from identity.errors import InvalidValueError
from identity.junk import is_junk

TYPES: Final = ("text", "number", "bool", "date")

# Which of several claims holds, and the types that it can be asked of; see `identity.profile`.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "newest": TYPES,
    "oldest": TYPES,
    "most_trusted": TYPES,
    "longest": ("text",),
    "sum": ("number",),
    "max": ("number", "date"),
    "min": ("number", "date"),
    "any_true": ("bool",),
    "all_true": ("bool",),
}

# Characters of a value: more is no attribute of a person, and registers hold it for each identifier.
MOST_CHARACTERS: Final = 1_000

# Whole and decimal digits. Sums of thousands of such numbers are exact.
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,6})?")
_DAY = re.compile(r"([1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[1-3][0-9])")
_TRUTHS: Final = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}


@dataclass(frozen=True)
class AttributeRule:
    """The rule for one attribute.

    Where `sources` are named, only these count; they stand in the order of trust. `minimum` and `maximum` are
    inclusive, and in the one spelling; `pattern` fits a whole value. `personal` is a class of
    `identity.personal`, None where the rules name none.
    Of what adds up `most` claims of an identifier are kept, or as many as usual.
    """

    name: str
    rule: str = "newest"
    type: str = "text"
    sources: tuple[str, ...] = ()
    personal: str | None = None
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    most: int | None = None

    @cached_property
    def _fits(self) -> re.Pattern[str] | None:
        return None if self.pattern is None else re.compile(self.pattern)

    def takes(self, source: str) -> bool:
        """Whether claims of a source count."""
        return not self.sources or source in self.sources

    def read(self, raw: str) -> str | None:
        """A value in its one spelling; None where it says nothing.

        Raises InvalidValueError, whose text never repeats the value.
        """
        value = spelled(raw, self.type)
        if value is None:
            return None
        if self._fits is not None and self._fits.fullmatch(value) is None:
            raise InvalidValueError("does not fit the pattern")
        if self.minimum is not None and measure(value, self.type) < measure(self.minimum, self.type):
            raise InvalidValueError(f"is less than {self.minimum}")
        if self.maximum is not None and measure(value, self.type) > measure(self.maximum, self.type):
            raise InvalidValueError(f"is more than {self.maximum}")
        return value


def spelled(raw: str, type_: str) -> str | None:
    """A value of a type in its one spelling; None where it says nothing. Raises InvalidValueError."""
    bare = raw.strip()
    if type_ == "text":
        if is_junk(bare):
            return None
        if len(bare) > MOST_CHARACTERS:
            raise InvalidValueError(f"is longer than {MOST_CHARACTERS} characters")
        return bare
    if not bare or (is_junk(bare) and not _NUMBER.fullmatch(bare)):
        return None
    if type_ == "bool":
        truth = _TRUTHS.get(bare.casefold())
        if truth is None:
            raise InvalidValueError("is neither true nor false")
        return truth
    if type_ == "number":
        if _NUMBER.fullmatch(bare) is None:
            raise InvalidValueError("is no number of up to 15 digits and 6 decimals")
        return plain(Decimal(bare))
    if not _is_day(bare):
        raise InvalidValueError("is no day such as 2026-01-31")
    return bare


def measure(value: str, type_: str) -> Decimal:
    """A spelled number or day as what it is compared by."""
    return Decimal(value.replace("-", "") if type_ == "date" else value)


def plain(number: Decimal) -> str:
    """A number in its one spelling."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _is_day(text: str) -> bool:
    match = _DAY.fullmatch(text)
    return match is not None and int(match[3]) <= monthrange(int(match[1]), int(match[2]))[1]
