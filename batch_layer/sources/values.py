"""One column: its text, its value in the plain form of its type, and what is wrong with it.

All of it as expressions, so that a million rows never pass through Python. The plain form is what events
use: 2026-01-31, 2026-01-31T12:00:00Z, 1234.5, true; whatever form a source has, one value has one spelling.
"""

import re

from pyspark.sql import Column as Expression
from pyspark.sql import functions as f
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

from batch_layer.sources.columns import REALS, TIMES, is_number
from batch_layer.sources.model import Column

_ENDS = r"^[\s\u00a0\ufeff]+|[\s\u00a0\ufeff]+$"
_TEXTS = (BooleanType, DateType, IntegralType, StringType)
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9].*)?$"
_ZONED = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
# Beyond it a double holds no whole number exactly.
_EXACT = 2.0**53


def text(value: Expression, kind: DataType, nulls: tuple[str, ...]) -> Expression | None:
    """What a column says, without blanks around it; null where that is nothing.

    A list gives a list. None: a structure, which says nothing by itself.
    """
    if isinstance(kind, ArrayType):
        inner = kind.elementType
        if text(value, inner, nulls) is None:
            return None
        listed = f.transform(value, lambda x: _must(text(x, inner, nulls)))
        return f.filter(listed, lambda x: x.isNotNull())
    plain = _plain(value, kind)
    if plain is None:
        return None
    bare = f.regexp_replace(plain, _ENDS, "")
    return f.when(~bare.isin(*nulls), bare)


def parsed(bare: Expression, column: Column) -> Expression:
    """The text as a value of its type; null where it is none."""
    if column.type == "string":
        return bare
    if column.type == "boolean":
        if not (column.trues or column.falses):
            return bare.try_cast("boolean")
        return f.when(bare.isin(*column.trues), f.lit(True)).when(bare.isin(*column.falses), f.lit(False))
    if is_number(column.type):
        return _number(bare, column)
    instant = _instant(bare, column)
    return instant.cast(column.type)


def plain(value: Expression, column: Column) -> Expression:
    """A value of the column's type in the plain form of that type."""
    kinds: dict[str, DataType] = {"timestamp": TimestampType(), "date": DateType(), "boolean": BooleanType()}
    if column.type in kinds:
        return _must(_plain(value, kinds[column.type]))
    if column.type.startswith("decimal"):
        return _must(_plain(value, DecimalType()))
    if column.type in REALS:
        return _must(_plain(value, DoubleType()))
    return value.cast("string")


def wrongs(bare: Expression, value: Expression, column: Column) -> list[tuple[str, str, Expression]]:
    """Rule, reason and condition of everything that can be wrong with a value; reasons quote none."""
    there = bare.isNotNull()
    found = []
    if column.required:
        found.append(("required", "is missing", bare.isNull()))
    if column.type != "string":
        found.append(("type", f"is no {column.type}{_form(column)}", there & value.isNull()))
    if column.pattern is not None:
        found.append(
            ("pattern", "does not match the pattern", there & ~bare.rlike(f"^(?:{column.pattern})$"))
        )
    if column.values:
        found.append(("values", "is none of the listed values", there & ~bare.isin(*column.values)))
    if column.minimum is not None:
        found.append(
            ("range", f"is below {column.minimum}", value < f.lit(column.minimum).cast(_wide(column)))
        )
    if column.maximum is not None:
        found.append(
            ("range", f"is above {column.maximum}", value > f.lit(column.maximum).cast(_wide(column)))
        )
    return found


def _plain(value: Expression, kind: DataType) -> Expression | None:
    if isinstance(kind, _TEXTS):
        return value.cast("string")
    if isinstance(kind, DoubleType | FloatType):
        # Programs that know no empty whole number keep them as doubles: 1.2345678E7 is an account.
        whole = (value == f.floor(value)) & (f.abs(value) <= _EXACT)
        said = f.when(whole, value.cast("decimal(38,0)").cast("string")).otherwise(value.cast("string"))
        return f.when(~f.isnan(value), said)
    if isinstance(kind, DecimalType):
        return f.regexp_replace(f.regexp_replace(value.cast("string"), r"(\.\d*?)0+$", "$1"), r"\.$", "")
    if isinstance(kind, TimestampType | TimestampNTZType):
        return f.concat(f.replace(value.cast("timestamp").cast("string"), f.lit(" "), f.lit("T")), f.lit("Z"))
    return None


def _number(bare: Expression, column: Column) -> Expression:
    if column.grouping or column.decimal != ".":
        sign, point = re.escape(column.grouping), re.escape(column.decimal)
        whole = rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})*|[0-9]+" if column.grouping else "[0-9]+"
        shaped = bare.rlike(rf"^[+-]?(?:{whole})(?:{point}[0-9]*)?$")
        bare = f.when(shaped, bare)
        for old, new in ((column.grouping, ""), (column.decimal, ".")):
            if old:
                bare = f.replace(bare, f.lit(old), f.lit(new))
    return bare.try_cast(column.type)


def _instant(bare: Expression, column: Column) -> Expression:
    if column.formats:
        tried = [_local(bare, pattern, column) for pattern in column.formats]
    else:
        # Spark would take 2026 for a day, too.
        iso = f.when(bare.rlike(_ISO), bare).try_cast("timestamp")
        tried = [f.when(bare.rlike(_ZONED), iso).otherwise(f.to_utc_timestamp(iso, column.timezone))]
    return f.coalesce(*tried)


def _local(bare: Expression, pattern: str, column: Column) -> Expression:
    instant = f.try_to_timestamp(bare, f.lit(pattern))
    return instant if _names_zone(pattern) else f.to_utc_timestamp(instant, column.timezone)


def _names_zone(pattern: str) -> bool:
    return re.search("[VzOXxZ]", re.sub(r"'[^']*'", "", pattern)) is not None


def _wide(column: Column) -> str:
    """The type in which a value and its bounds are compared."""
    if column.type in TIMES or column.type in REALS:
        return column.type
    return "decimal(38,10)"


def _form(column: Column) -> str:
    if column.formats:
        return f" of the form {' or '.join(column.formats)}"
    if column.type in TIMES:
        return ", such as 2026-01-31" if column.type == "date" else ", such as 2026-01-31T12:00:00Z"
    if column.trues or column.falses:
        return ": none of 'trues' and 'falses'"
    return ""


def _must(value: Expression | None) -> Expression:
    assert value is not None, "only what has a plain form comes here"
    return value
