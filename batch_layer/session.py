"""The Spark session: one recipe for a laptop and for a cluster."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

# Never used with jars of another version, see docs/decisions/0004.
_NEEDED = {
    # Slow systems still write windows-1252 and its like, which Spark would no longer read.
    "spark.sql.legacy.javaCharsets": "true",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
}

_JAVA = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}"

# For one machine. A cluster says these things itself, through spark-submit.
_LOCAL = {
    "spark.master": "local[*]",
    "spark.driver.memory": "3g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # The default of 200 is meant for clusters; here a task for each core is enough, and asking the
    # optimiser again after every shuffle takes longer than a small shuffle does.
    "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    "spark.sql.adaptive.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.driver.extraJavaOptions": _JAVA,
}

# For a log of seconds, not hours: a JVM that compiles each plan and each expression well, and each method
# twice, spends longer on that than on the data. By itself such a JVM keeps room for too little code, and
# stops compiling.
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": f"{_JAVA} -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
}

# Rows of facts in a task: its sort fits in memory beside another's.
_ROWS = 1_000_000


def is_submitted() -> bool:
    """Whether spark-submit has started this process, so that the cluster says how Spark is set."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def session(jars: Sequence[Path] = (), settings: Mapping[str, str] | None = None) -> SparkSession:
    """A session with Delta and Kafka.

    `jars` are those that PySpark lacks (a cluster may have them already); `settings` are Spark's own and
    win over ours. Under spark-submit only what Delta needs is set here.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("ucid batch")
    for key, value in {**({} if is_submitted() else _LOCAL), **_NEEDED, **(settings or {})}.items():
        builder = builder.config(key, value)
    if jars:
        builder = builder.config("spark.jars", ",".join(map(str, jars)))
    return builder.getOrCreate()


def arrange(spark: SparkSession, rows: int) -> None:
    """Set the session to shuffle so many rows of some hundred bytes: neither in crumbs nor in lumps."""
    cores = spark.sparkContext.defaultParallelism
    tasks = max(cores, -(-rows // _ROWS))
    spark.conf.set("spark.sql.shuffle.partitions", str(-(-tasks // cores) * cores))
    # What lies side by side by one column does so by that column and another: nothing has to move.
    spark.conf.set("spark.sql.requireAllClusterKeysForCoPartition", "false")


def shuffle_tasks(spark: SparkSession) -> int:
    """In how many partitions a shuffle leaves what it moved."""
    return int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
