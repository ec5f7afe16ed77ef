"""The peer Splink: its clustering on DuckDB, of the same links taken for certain.

In a process of its own, where all that DuckDB takes is free again afterwards; starting it does not count.
"""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from benchmarks.speed.errors import LeftOut
from benchmarks.speed.program import run

# Of the machine's memory, beyond which DuckDB goes to disk: it would take four fifths, beside Spark's.
MEMORY = "40%"


def splink(links: Path, out: Path) -> float:
    """`x, root` from pairs `a, b`; returns seconds. Raises LeftOut without Splink, and Broken."""
    if find_spec("splink") is None:
        raise LeftOut("needs the package splink: pip install splink")
    return float(run("batch.splinking", [links, out], os.environ, out.with_suffix(".log")))


def main() -> None:
    """Cluster, and print how many seconds that took."""
    import duckdb  # noqa: PLC0415 - comes with Splink, an optional peer
    import pyarrow.parquet as pq  # noqa: PLC0415 - as slow to import
    from splink import DuckDBAPI  # noqa: PLC0415
    from splink.clustering import cluster_pairwise_predictions_at_threshold  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    parser.add_argument("links", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute(f"SET temp_directory = '{options.out.with_suffix('.spill')}'")
    begun = perf_counter()
    files = f"read_parquet('{options.links}/*.parquet')"
    connection.execute(f"CREATE TABLE pairs AS SELECT a AS x_l, b AS x_r FROM {files}")  # noqa: S608 - our path
    connection.execute("CREATE TABLE people AS SELECT x_l AS x FROM pairs UNION SELECT x_r FROM pairs")
    found = cluster_pairwise_predictions_at_threshold(
        nodes="people",
        edges="pairs",
        db_api=DuckDBAPI(connection=connection),
        node_id_column_name="x",
        edge_id_column_name_left="x_l",
        edge_id_column_name_right="x_r",
    )
    table = found.as_duckdbpyrelation().arrow()
    pq.write_table(table.read_all().select(["x", "cluster_id"]).rename_columns(["x", "root"]), options.out)
    print(perf_counter() - begun)


if __name__ == "__main__":
    main()
