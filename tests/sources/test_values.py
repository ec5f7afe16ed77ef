"""Values: what a text means as a type, its plain form, and which rule it breaks. All in two jobs."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    LongType,
    StringType,
    StructType,
    TimestampType,
)

from batch_layer.sources import columns, values
from identity.problems import Problems

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# Entry of `columns`, text, plain form or None, rules broken.
CASES = [
    ({}, "  007 ", "007", []),
    ({}, "\u00a0x\ufeff", "x", []),
    ({}, "-", None, []),
    ({"required": True}, "-", None, ["required"]),
    ({"required": True}, None, None, ["required"]),
    ({"pattern": "[0-9]+|x"}, "12", "12", []),
    ({"pattern": "[0-9]+|x"}, "12x", "12x", ["pattern"]),
    ({"values": ["GB", "IE"]}, "GB", "GB", []),
    ({"values": ["GB", "IE"]}, "gb", "gb", ["values"]),
    ({"type": "int"}, "0042", "42", []),
    ({"type": "int"}, "4.2", None, ["type"]),
    ({"type": "int"}, "9999999999", None, ["type"]),
    ({"type": "bigint", "grouping": "'"}, "9'999'999'999", "9999999999", []),
    ({"type": "int", "min": 0, "max": 120}, "121", "121", ["range"]),
    ({"type": "int", "min": 0, "max": 120}, "-1", "-1", ["range"]),
    ({"type": "int", "min": 0, "max": 120}, "120", "120", []),
    ({"type": "decimal(8,2)", "decimal": ",", "grouping": "."}, "1.234,50", "1234.5", []),
    ({"type": "decimal(8,2)", "decimal": ",", "grouping": "."}, "1234,5", "1234.5", []),
    ({"type": "decimal(8,2)", "decimal": ",", "grouping": "."}, "1,234.50", None, ["type"]),
    ({"type": "decimal(8,2)", "decimal": ",", "grouping": "."}, "12.34,5", None, ["type"]),
    ({"type": "double", "max": 0.5}, "0.25", "0.25", []),
    ({"type": "double"}, "1e3", "1000", []),
    ({"type": "double"}, "much", None, ["type"]),
    ({"type": "boolean"}, "TRUE", "true", []),
    ({"type": "boolean", "trues": ["ja"], "falses": ["nein"]}, "nein", "false", []),
    ({"type": "boolean", "trues": ["ja"], "falses": ["nein"]}, "true", None, ["type"]),
    ({"type": "date"}, "1971-06-24", "1971-06-24", []),
    ({"type": "date"}, "1971", None, ["type"]),
    ({"type": "date"}, "1971-02-30", None, ["type"]),
    ({"type": "date", "format": "yyyyMMdd"}, "19710624", "1971-06-24", []),
    ({"type": "date", "format": ["dd.MM.yyyy", "yyyyMMdd"]}, "24.06.1971", "1971-06-24", []),
    ({"type": "date", "format": ["dd.MM.yyyy", "yyyyMMdd"]}, "19710624", "1971-06-24", []),
    ({"type": "date", "format": "dd.MM.yyyy"}, "31.02.1971", None, ["type"]),
    ({"type": "date", "min": "1900-01-01"}, "1899-12-31", "1899-12-31", ["range"]),
    ({"type": "timestamp"}, "2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z", []),
    ({"type": "timestamp"}, "2026-07-01 12:00:00.25", "2026-07-01T12:00:00.25Z", []),
    ({"type": "timestamp", "timezone": "Europe/Berlin"}, "2026-07-01 12:00", "2026-07-01T10:00:00Z", []),
    ({"type": "timestamp", "timezone": "Europe/Berlin"}, "2026-01-01 12:00", "2026-01-01T11:00:00Z", []),
    ({"type": "timestamp", "timezone": "Europe/Berlin"}, "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z", []),
    (
        {"type": "timestamp", "format": "dd/MM/yyyy HH:mm", "timezone": "America/New_York"},
        "01/07/2026 08:00",
        "2026-07-01T12:00:00Z",
        [],
    ),
    ({"type": "timestamp", "format": "d.M.yyyy"}, "1.7.2026", "2026-07-01T00:00:00Z", []),
    ({"type": "timestamp", "format": "dd/MM/yyyy HH:mm"}, "01-07-2026", None, ["type"]),
]


def test_a_text_has_one_plain_form_and_every_broken_rule_is_told(spark):
    from pyspark.sql import functions as f

    cells, specs = [], []
    for i, (entry, raw, _, _) in enumerate(CASES):
        problems = Problems()
        column = columns.read(problems, f"c{i}", entry)
        assert problems.found == []
        bare = values.text(f.lit(raw).cast("string"), StringType(), ("", "-"))
        value = values.parsed(bare, column)
        broken = [f.when(condition, f.lit(rule)) for rule, _, condition in values.wrongs(bare, value, column)]
        broken = f.filter(f.array(*broken, f.lit(None).cast("string")), lambda rule: rule.isNotNull())
        cells.append(
            f.struct(values.plain(value, column).alias("plain"), broken.alias("broken")).alias(f"c{i}")
        )
        specs.append(column)
    found = spark.range(1).select(*cells).first()
    told = [
        (entry, raw, cell.plain, cell.broken) for (entry, raw, _, _), cell in zip(CASES, found, strict=True)
    ]
    assert told == CASES


def test_typed_columns_say_what_their_text_would(spark):
    from pyspark.sql import functions as f

    typed = [
        (12345678.0, DoubleType(), "12345678"),
        (0.5, DoubleType(), "0.5"),
        (float("nan"), DoubleType(), None),
        (7, LongType(), "7"),
        (Decimal("12.500"), DecimalType(10, 3), "12.5"),
        (Decimal(100), DecimalType(38, 18), "100"),
        (True, BooleanType(), "true"),
        (date(1971, 6, 24), DateType(), "1971-06-24"),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), TimestampType(), "2026-01-01T12:00:00Z"),
        (["a ", None, "-", "b"], ArrayType(StringType()), ["a", "b"]),
        ([1.0, 2.0], ArrayType(DoubleType()), ["1", "2"]),
    ]
    schema = StructType()
    for i, (_, kind, _) in enumerate(typed):
        schema.add(f"c{i}", kind)
    frame = spark.createDataFrame([tuple(value for value, _, _ in typed)], schema)
    texts = [values.text(f.col(f"c{i}"), kind, ("", "-")) for i, (_, kind, _) in enumerate(typed)]
    assert list(frame.select(*texts).first()) == [said for _, _, said in typed]
    for kind in (BinaryType(), StructType(), ArrayType(StructType())):
        assert values.text(f.lit(None), kind, ()) is None
