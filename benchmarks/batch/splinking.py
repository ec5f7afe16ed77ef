"""The peer Splink: its clustering on DuckDB, of the same links taken for certain."""

from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.speed.errors import LeftOut


def splink(links: Path, out: Path) -> None:
    """`x, root` from pairs `a, b`. Raises LeftOut where Splink is not installed."""
    if find_spec("splink") is None:
        raise LeftOut("needs the package splink: pip install splink")
    import duckdb  # noqa: PLC0415 - comes with it
    from splink import DuckDBAPI  # noqa: PLC0415 - an optional peer
    from splink.clustering import cluster_pairwise_predictions_at_threshold  # noqa: PLC0415

    connection = duckdb.connect()
    api = DuckDBAPI(connection=connection)
    files = f"read_parquet('{links}/*.parquet')"
    connection.execute(f"CREATE TABLE pairs AS SELECT a AS x_l, b AS x_r FROM {files}")  # noqa: S608 - our path
    connection.execute("CREATE TABLE people AS SELECT x_l AS x FROM pairs UNION SELECT x_r FROM pairs")
    found = cluster_pairwise_predictions_at_threshold(
        nodes="people",
        edges="pairs",
        db_api=api,
        node_id_column_name="x",
        edge_id_column_name_left="x_l",
        edge_id_column_name_right="x_r",
    )
    table = found.as_duckdbpyrelation().arrow()
    pq.write_table(table.read_all().select(["x", "cluster_id"]).rename_columns(["x", "root"]), out)
