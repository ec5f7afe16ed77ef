"""A file or a table as Spark reads it: every row, and nothing guessed.

Text stays text: `007` is a number to a program that guesses, and an account to its owner. Rows that do not
parse stay too, in the column CORRUPT, to be rejected by name.
"""

import re
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import StringType, StructField, StructType

from batch_layer.sources.errors import Unreadable
from batch_layer.sources.files import File
from batch_layer.sources.model import Source

CORRUPT = "_corrupt_record"
# What Spark raises, by itself or by way of Java.
FAILED = (PySparkException, Py4JError)

# How its texts begin with their own name for what went wrong.
_CONDITION = re.compile(r"\[([A-Z]+(?:_[A-Z]+)+(?:\.[A-Z_]+)*)\]")
# Spark does not look for drivers among the jars that it was given; it has to be told.
_DRIVERS = {"jdbc:postgresql:": "org.postgresql.Driver"}
_KEEP = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
# A row is told to be too short or too long only where all its columns are read.
_CSV = {**_KEEP, "header": "true", "multiLine": "true", "escape": '"', "columnPruning": "false",
        "ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"}  # fmt: skip
_XML = {**_KEEP, "inferSchema": "false"}
_JSON = {**_KEEP, "primitivesAsString": "true"}


def file(spark: SparkSession, source: Source, taken: File) -> DataFrame:
    """The rows of a file. Raises Unreadable."""
    path = str(taken.copy)
    try:
        match source.format:
            case "csv":
                return _csv(spark, source, taken.copy)
            case "json":
                return spark.read.options(**_JSON, multiLine="true", **source.options).json(path)
            case "jsonl":
                return spark.read.options(**_JSON, **source.options).json(path)
            case "xml":
                return spark.read.format("xml").options(**_XML, **source.options).load(path)
            case _:
                return spark.read.format(source.format).load(path)
    except FAILED as error:
        raise unreadable(taken.name, source, error) from None


def table(spark: SparkSession, source: Source, watermark: str | None) -> DataFrame:
    """The rows of a database's table; with a watermark those that are not older. Raises Unreadable."""
    frame = _jdbc(spark, source)
    if source.watermark is None or watermark is None:
        return frame
    column = _column(frame, source.watermark)
    return frame.where(column >= f.lit(watermark).cast(frame.select(column).schema[0].dataType))


def newest(spark: SparkSession, source: Source) -> str | None:
    """How far the watermark column goes; None of no rows, or no watermark. Raises Unreadable."""
    if source.watermark is None:
        return None
    frame = _jdbc(spark, source)
    try:
        found = frame.agg(f.max(_column(frame, source.watermark)).cast("string")).first()
    except FAILED as error:
        raise unreadable("the table", source, error) from None
    return found[0] if found is not None else None


def unreadable(name: str, source: Source, error: Exception) -> Unreadable:
    """What to say where Spark gives up: its own word for it, and nothing that it quotes."""
    said = _CONDITION.search(str(error))
    why = f" ({said[1]})" if said else ""
    if source.format == "jdbc":
        look = "check 'url', 'user', 'password' and 'dbtable', and that the database answers"
    else:
        look = "it may be torn, packed in another way, or of another format or encoding"
    return Unreadable(f"{name}: cannot be read as {source.format}{why}: {look}")


def _jdbc(spark: SparkSession, source: Source) -> DataFrame:
    options = dict(source.options)
    for url, driver in _DRIVERS.items():
        if options["url"].startswith(url):
            options.setdefault("driver", driver)
    try:
        return spark.read.format("jdbc").options(**options).load()
    except FAILED as error:
        # The driver's own text may quote the address and what is in it.
        raise unreadable("the table", source, error) from None


def _column(frame: DataFrame, name: str) -> Column:
    if name not in frame.columns:
        raise Unreadable(f"the table: has no column '{name}' (watermark); it has: {', '.join(frame.columns)}")
    return f.col(f"`{name}`")


def _csv(spark: SparkSession, source: Source, path: Path) -> DataFrame:
    reader = spark.read.options(**{**_CSV, **source.options})
    header = reader.csv(str(path)).columns
    names = [name.strip().removeprefix("\ufeff") for name in header]
    fields = [StructField(name, StringType()) for name in (*names, CORRUPT)]
    return reader.schema(StructType(fields)).csv(str(path))
