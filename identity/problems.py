"""Reading a YAML document while collecting every problem, each with its path and what to write instead."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from identity.notation import AGE_REMEDY, as_age

Document = Mapping[str, Any]


class Problems:
    """What is wrong so far. Each method gives a value that reading can go on with."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def wrong(self, path: str, remedy: str) -> None:
        """Note a problem."""
        self.found.append(f"{path}: {remedy}")

    def entries(self, path: str, value: object) -> Mapping[Any, Any]:
        """A mapping, whatever its keys."""
        if isinstance(value, dict):
            return value
        self.wrong(path, "must be a mapping of 'key: value'")
        return {}

    def mapping(self, path: str, value: object, known: tuple[str, ...] = ()) -> Document:
        """A mapping with text for keys, all of them among `known` where that says any."""
        entries = self.entries(path, value)
        for key in entries:
            if known and key not in known:
                near = get_close_matches(str(key), known, n=1)
                remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
                self.wrong(f"{path}.{key}" if path != "the file" else str(key), f"is no known key; {remedy}")
            elif not isinstance(key, str) or not key:
                self.wrong(f"{path}.{key}", "is no text: put the name in quotes")
        return {key: entry for key, entry in entries.items() if isinstance(key, str)}

    def text(self, path: str, value: object, example: str) -> str:
        """A text that is not empty; numbers and dates as YAML reads them are texts too."""
        if isinstance(value, bool | list | dict) or value is None or value == "":
            quotes = ", in quotes, for YAML reads a truth" if isinstance(value, bool) else ""
            self.wrong(path, f"write a text{quotes}, such as {example}")
            return ""
        return str(value)

    def texts(self, path: str, value: object, example: str) -> tuple[str, ...]:
        """One text or a list of them."""
        entries = value if isinstance(value, list) else [value]
        if not entries:
            self.wrong(path, f"write a text or a list of them, such as {example}")
        return tuple(self.text(path, entry, example) for entry in entries)

    def pattern(self, path: str, value: object, example: str) -> str | None:
        """A regular expression, as text; None where it is none."""
        text = self.text(path, value, example)
        try:
            re.compile(text)
        except re.error as error:
            self.wrong(path, f"is a bad regular expression ({error}): correct it")
            return None
        return text

    def one_of(self, path: str, value: object, allowed: tuple[str, ...]) -> str:
        """One of some words; the first of them where it is none."""
        if value not in allowed:
            self.wrong(path, f"write one of {', '.join(allowed)}")
            return allowed[0]
        return str(value)

    def flag(self, path: str, value: object) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            self.wrong(path, "write true or false")
        return value is True

    def age(self, path: str, value: object) -> int:
        """A time to wait, `30m`, in microseconds."""
        age = as_age(value)
        if age is None:
            self.wrong(path, AGE_REMEDY)
        return age or 0

    def share(self, path: str, value: object) -> float:
        """A share: 0.05, or "5%"."""
        number: object = value
        if isinstance(value, str) and value.endswith("%"):
            try:
                number = float(value[:-1]) / 100
            except ValueError:
                number = None
        return self.fraction(path, number, "write a share, such as 5% or 0.05")

    def fraction(self, path: str, value: object, remedy: str = "write a number from 0 to 1") -> float:
        """A number from 0 to 1."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.wrong(path, remedy)
            return 0.0
        return float(value)
