"""Delta tables as `batch_layer.tables` describes them: made with comments, written in their order."""

from pathlib import Path
from typing import cast

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import StructField, StructType

from batch_layer.tables import TABLES

# The property that says of which columns the log tells the bounds.
BOUNDED = "delta.dataSkippingStatsColumns"


def schema(name: str) -> StructType:
    """The columns of a described table, with their comments."""
    fields = cast("StructType", StructType.fromDDL(TABLES[name].ddl)).fields
    return StructType(
        [
            StructField(field.name, field.dataType, True, {"comment": column.comment})
            for field, column in zip(fields, TABLES[name].columns, strict=True)
        ]
    )


def exists(root: Path, name: str) -> bool:
    """Whether a table is there."""
    return _log(root, name).is_dir()


def newest(root: Path, name: str) -> int:
    """The version of a table that is there. Asks the disk: Spark would start a job to tell."""
    return max(int(commit.stem) for commit in _log(root, name).glob("*.json") if commit.stem.isdecimal())


def read(spark: SparkSession, root: Path, name: str, version: int | None = None) -> DataFrame:
    """A table as it was at a version, whatever is written later; without one, as it is when rows are read.

    The newest version is in Delta's memory, others are put together from the log.
    """
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    return reader.load(str(root / name))


def append(spark: SparkSession, root: Path, name: str, rows: DataFrame) -> None:
    """Add rows in one commit; the table is made where it is missing."""
    _save(spark, root, name, rows, "append")


def replace(spark: SparkSession, root: Path, name: str, rows: DataFrame, *, lying: bool = False) -> int:
    """Replace all rows in one commit; returns the version of the table. Nobody else may write to it.

    Rows that are `lying` in files as they should already are written as they lie.
    """
    _save(spark, root, name, rows, "overwrite", lying=lying)
    return newest(root, name)


def _log(root: Path, name: str) -> Path:
    return root / name / "_delta_log"


def _save(
    spark: SparkSession, root: Path, name: str, rows: DataFrame, mode: str, *, lying: bool = False
) -> None:
    if name not in TABLES:
        rows.write.format("delta").mode(mode).option("overwriteSchema", "true").save(str(root / name))
        return
    table, columns = TABLES[name], schema(name)
    if not exists(root, name):
        builder = DeltaTable.createIfNotExists(spark).location(str(root / name)).comment(table.row)
        if table.bounded:
            builder = builder.property(BOUNDED, ",".join(table.bounded))
        builder.addColumns(columns).partitionedBy(*table.partitions).execute()
    if table.order and not lying:
        rows = rows.repartitionByRange(*table.order).sortWithinPartitions(*table.order)
    told = [
        f.col(f"`{field.name}`").cast(field.dataType).alias(field.name, metadata=field.metadata)
        for field in columns
    ]
    writer = rows.select(*told).write.format("delta").mode(mode)
    if mode == "overwrite":
        # A column that is described otherwise since is written as it is described.
        writer = writer.option("overwriteSchema", "true")
    else:
        writer = writer.option("mergeSchema", "true")  # a table of an older version may lack columns
    if table.partitions:
        writer = writer.partitionBy(*table.partitions)
    writer.save(str(root / name))
