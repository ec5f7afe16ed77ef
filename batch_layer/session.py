"""The Spark session: one recipe for a laptop and for a cluster."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession

# Never used with jars of another version, see docs/decisions/0004.
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

_DEFAULTS = {
    "spark.master": "local[*]",
    "spark.driver.memory": "3g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # The default of 200 is meant for clusters; a laptop would spend its time starting tasks.
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
    # A small log must not be cut into files of a few rows.
    "spark.databricks.delta.snapshotPartitions": "2",
}


def session(jars: Sequence[Path] = (), **settings: str) -> SparkSession:
    """A session with Delta and Kafka.

    `jars` are those that PySpark lacks (a cluster may have them already); `settings` are Spark's own, with
    `__` for a dot, and win over the defaults, as does what `spark-submit` was given.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("ucid batch")
    given = {key.replace("__", "."): value for key, value in settings.items()}
    for key, value in {**_DEFAULTS, **_DELTA, **given}.items():
        builder = builder.config(key, value)
    if jars:
        builder = builder.config("spark.jars", ",".join(map(str, jars)))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
