"""From files of linked strings to files of `x, root`: each identifier, and what names its component.

Ours, and the peers, on the same Parquet files: pairs `a, b` in, session start apart, files out.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from batch_layer.session import shuffle_tasks
from benchmarks.batch.placing import assigned
from benchmarks.speed.errors import Broken


def ours(spark: SparkSession, links: Path, out: Path) -> None:
    """Contraction in tasks, then the rest in one: see `benchmarks.batch.placing`."""
    _write(assigned(spark, links), out)


def graphx(spark: SparkSession, links: Path, out: Path) -> None:
    """GraphX, as it comes: it wants numbers, and gets what GraphFrames would give it.

    All strings are told apart and numbered; two joins bring the numbers to the links, one the strings back.
    """
    pairs = spark.read.parquet(str(links))
    ids, edges, vertices = (out.with_suffix(f".{name}") for name in ("ids", "edges", "vertices"))
    strings = pairs.select(f.col("a").alias("x")).union(pairs.select("b")).distinct()
    strings.withColumn("n", f.monotonically_increasing_id()).write.mode("overwrite").parquet(str(ids))
    numbers = spark.read.parquet(str(ids))
    of_a, of_b = (numbers.withColumnsRenamed({"x": end, "n": f"n{end}"}) for end in "ab")
    numbered = pairs.join(of_a, "a").join(of_b, "b")
    numbered.select(f.concat_ws(" ", "na", "nb")).write.mode("overwrite").text(str(edges))
    context: Any = spark.sparkContext
    jvm = context._jvm  # noqa: SLF001 - GraphX has no Python of its own
    level = jvm.org.apache.spark.storage.StorageLevel.MEMORY_AND_DISK()
    graph = jvm.org.apache.spark.graphx.GraphLoader.edgeListFile(
        context._jsc.sc(),  # noqa: SLF001 - see above
        str(edges),
        False,
        shuffle_tasks(spark),
        level,
        level,
    )
    tag = jvm.scala.reflect.ClassTag.Int()
    components = jvm.org.apache.spark.graphx.lib.ConnectedComponents.run(graph, tag, tag)
    shutil.rmtree(vertices, ignore_errors=True)
    components.vertices().saveAsTextFile(str(vertices))
    for held in (components, graph):
        held.unpersist(True)
    found = f.split(f.translate("value", "()", ""), ",")
    table = spark.read.text(str(vertices)).select(
        found[0].cast("bigint").alias("n"), found[1].cast("bigint").alias("root")
    )
    _write(table.join(numbers, "n").select("x", "root"), out)


def one_process(links: Path, out: Path) -> None:
    """All strings in one dictionary, all links in one sparse matrix."""
    table = pq.read_table(links)
    strings, places = _encoded(table)
    _, piece = connected_components(_matrix(places, len(strings)), directed=False)
    pq.write_table(pa.table({"x": strings, "root": pa.array(piece)}), out)


def check(links: Path, *assigned: Path) -> int:
    """Compare partitions with SciPy's; returns how many components there are. Raises Broken."""
    strings, places = _encoded(pq.read_table(links))
    count, piece = connected_components(_matrix(places, len(strings)), directed=False)
    for path in assigned:
        table = pq.read_table(path)
        order = pc.index_in(table["x"], value_set=strings)
        if len(table) != len(strings) or order.null_count or len(pc.unique(order)) != len(strings):
            raise Broken(f"{path.name}: not each identifier has one component")
        theirs = table["root"].combine_chunks().dictionary_encode().indices.to_numpy()
        mine = piece[order.to_numpy()]
        # As many pairs as there are components on either side: each is one of the other's.
        pairs = np.unique(mine.astype(np.int64) * len(strings) + theirs)
        if not len(pairs) == count == len(np.unique(theirs)):
            raise Broken(f"{path.name}: {len(np.unique(theirs)):,} components where SciPy finds {count:,}")
    return int(count)


def _write(found: DataFrame, out: Path) -> None:
    # Each string is there once: a dictionary of them would be begun, and given up.
    found.write.option("parquet.enable.dictionary", "false").mode("overwrite").parquet(str(out))


def _encoded(table: pa.Table) -> tuple[pa.Array, NDArray[np.int64]]:
    ends = pa.chunked_array([*table["a"].chunks, *table["b"].chunks]).combine_chunks().dictionary_encode()
    return ends.dictionary, ends.indices.to_numpy().astype(np.int64)


def _matrix(places: NDArray[np.int64], count: int) -> coo_array:
    half = len(places) // 2
    return coo_array((np.ones(half, dtype=np.int8), (places[:half], places[half:])), shape=(count, count))
