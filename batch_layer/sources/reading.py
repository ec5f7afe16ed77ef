"""A file or a table as Spark reads it: every row, and nothing guessed.

Text stays text: `007` is a number to a program that guesses, and an account to its owner. Rows that do not
parse stay too, in the column CORRUPT, to be rejected by name.
"""

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
    except PySparkException as error:
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
    except (PySparkException, Py4JError) as error:
        raise unreadable("the table", source, error) from None
    return found[0] if found is not None else None


def unreadable(name: str, source: Source, error: Exception) -> Unreadable:
    """What to say where Spark gives up: its own word for it, and nothing that it quotes."""
    said = error.getCondition() if isinstance(error, PySparkException) else None
    why = f" ({said})" if said else ""
    if source.format == "jdbc":
        look = "check 'url', 'user', 'password' and 'dbtable', and that the database answers"
    else:
        look = "it may be torn, packed in another way, or of another format or encoding"
    return Unreadable(f"{name}: cannot be read as {source.format}{why}: {look}")


def _jdbc(spark: SparkSession, source: Source) -> DataFrame:
    try:
        return spark.read.format("jdbc").options(**source.options).load()
    except (PySparkException, Py4JError) as error:
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
