"""`ucid bench batch`: the graph in Spark, from strings to components and from bronze to a generation."""

from collections.abc import Mapping
from typing import Final

PARTS: Final[Mapping[str, str]] = {
    "components": "components of string identifiers, and whether they are right",
    "shapes": "the same of a path and of a hub",
    "graphx": "peer: GraphX, on the same files",
    "one_process": "peer: pyarrow and scipy in one process, on the same files",
    "splink_1m": "peer: Splink on DuckDB, on the same files",
    "splink_5m": "the same with five times as many customers",
    "rebuild": "bronze to a published generation, at a fifth, one and three times the customers",
    "incremental": "the same again after 1% more links",
}
FULL_ONLY: Final = frozenset({"splink_5m"})  # takes many minutes
