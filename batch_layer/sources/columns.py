"""What SOURCE.yaml says of one column: its type as Spark names it, its spelling, what is expected of it."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import available_timezones

from batch_layer.sources.model import Column
from identity.problems import Problems

KEYS = (
    "type",
    "format",
    "timezone",
    "decimal",
    "grouping",
    "trues",
    "falses",
    "required",
    "pattern",
    "min",
    "max",
    "values",
    "when_wrong",
)

INTEGERS = ("tinyint", "byte", "smallint", "short", "int", "integer", "bigint", "long")
REALS = ("float", "real", "double")
TIMES = ("date", "timestamp")
_TYPES = ("string", "boolean", *INTEGERS, *REALS, "decimal", *TIMES)
_MOST_DIGITS = 38
_DECIMAL = re.compile(r"decimal(?:\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\))?")
# What Spark's patterns may hold outside quotes when they are used for reading.
_LETTERS = frozenset("GyMLDdahHkKmsSVzOXxZ")


def is_number(type_: str) -> bool:
    """Whether a type is one of numbers."""
    return type_ in INTEGERS or type_ in REALS or type_.startswith("decimal")


def read(problems: Problems, path: str, document: object) -> Column:
    """One entry of `columns`."""
    entry = problems.mapping(path, document, KEYS)
    type_ = _type(problems, f"{path}.type", entry.get("type", "string"))
    _fits(problems, path, type_, set(entry))
    column = Column(
        type=type_,
        formats=_formats(problems, f"{path}.format", entry["format"]) if "format" in entry else (),
        timezone=_zone(problems, f"{path}.timezone", entry.get("timezone", "UTC")),
        decimal=_sign(problems, f"{path}.decimal", entry.get("decimal", ".")),
        grouping=_sign(problems, f"{path}.grouping", entry["grouping"]) if "grouping" in entry else "",
        trues=problems.texts(f"{path}.trues", entry["trues"], "[yes, Y]") if "trues" in entry else (),
        falses=problems.texts(f"{path}.falses", entry["falses"], "[no, N]") if "falses" in entry else (),
        required=problems.flag(f"{path}.required", entry.get("required", False)),
        pattern=problems.pattern(f"{path}.pattern", entry["pattern"], "[0-9]{6,9}")
        if "pattern" in entry
        else None,
        minimum=_bound(problems, f"{path}.min", type_, entry["min"]) if "min" in entry else None,
        maximum=_bound(problems, f"{path}.max", type_, entry["max"]) if "max" in entry else None,
        values=problems.texts(f"{path}.values", entry["values"], "[GB, IE]") if "values" in entry else (),
        drop=problems.one_of(f"{path}.when_wrong", entry.get("when_wrong", "reject"), ("reject", "drop"))
        == "drop",
    )
    if column.grouping == column.decimal:
        problems.wrong(f"{path}.grouping", "is the decimal sign too: write the two signs that the file uses")
    if column.drop and column.required:
        problems.wrong(path, "'when_wrong: drop' leaves nothing to be 'required': remove one")
    return column


def _type(problems: Problems, path: str, value: object) -> str:
    name = str(value).lower()
    if (found := _DECIMAL.fullmatch(name)) is not None:
        digits, scale = int(found[1] or 10), int(found[2] or 0)
        if 1 <= digits <= _MOST_DIGITS and scale <= digits:
            return f"decimal({digits},{scale})"
        problems.wrong(path, "write decimal(p,s) with p from 1 to 38 and s up to p, such as decimal(12,2)")
        return "decimal(10,0)"
    return problems.one_of(path, name, _TYPES)


def _fits(problems: Problems, path: str, type_: str, keys: set[str]) -> None:
    """Say which keys have no meaning for a type."""
    meant = {
        "format": (type_ in TIMES, "type: date' or 'type: timestamp"),
        "timezone": (type_ == "timestamp", "type: timestamp"),
        "decimal": (type_ in REALS or type_.startswith("decimal"), "type: decimal(12,2)"),
        "grouping": (is_number(type_), "type: decimal(12,2)"),
        "trues": (type_ == "boolean", "type: boolean"),
        "falses": (type_ == "boolean", "type: boolean"),
        "min": (
            is_number(type_) or type_ in TIMES,
            "type: int' or another of numbers or times such as 'date",
        ),
        "max": (
            is_number(type_) or type_ in TIMES,
            "type: int' or another of numbers or times such as 'date",
        ),
    }
    for key, (fits, type_wanted) in meant.items():
        if key in keys and not fits:
            problems.wrong(f"{path}.{key}", f"only serves '{type_wanted}': remove it or set the type")


def _formats(problems: Problems, path: str, value: object) -> tuple[str, ...]:
    formats = problems.texts(path, value, "dd.MM.yyyy")
    for pattern in formats:
        bare = re.sub(r"'[^']*'", "", pattern)
        letters = {c for c in bare if c.isascii() and c.isalpha()}
        if "%" in pattern:
            problems.wrong(
                path, "is written as Python does: write it as Spark does, such as dd.MM.yyyy HH:mm"
            )
        elif "Y" in letters or "u" in letters:
            problems.wrong(path, "a year is written yyyy, such as dd.MM.yyyy")
        elif not letters <= _LETTERS or "'" in bare or not letters:
            problems.wrong(
                path, "is no pattern of Spark's for reading: write one such as dd.MM.yyyy HH:mm:ss"
            )
        elif re.search(r"d.*m|m.*d", bare) and "M" not in letters and "H" not in letters:
            problems.wrong(path, "has minutes (mm) and no month: a month is written MM")
    return formats


def _zone(problems: Problems, path: str, value: object) -> str:
    if value not in available_timezones():
        problems.wrong(path, "write a time zone by its place, such as Europe/London, or UTC")
        return "UTC"
    return str(value)


def _sign(problems: Problems, path: str, value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value.isalnum():
        problems.wrong(path, 'write one sign in quotes, such as ","')
        return "."
    return value


def _bound(problems: Problems, path: str, type_: str, value: object) -> str | None:
    example = "1900-01-01" if type_ in TIMES else "0"
    try:
        if type_ == "date":
            return date.fromisoformat(str(value)).isoformat()
        if type_ == "timestamp":
            return datetime.fromisoformat(str(value)).isoformat(sep=" ")
        return str(Decimal(str(value))) if not isinstance(value, bool) else str(Decimal("x"))
    except (ValueError, InvalidOperation):
        problems.wrong(path, f"write a value of the type {type_}, such as {example}")
        return None
