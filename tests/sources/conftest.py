"""Loads into Delta tables of their own, at times that only the test sets."""

from itertools import count

import pytest

from batch_layer.sources import definition
from batch_layer.sources.importing import Importer
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables

HOUR = 3_600_000_000
START = 1_769_904_000_000_000  # 2026-02-01T00:00:00Z


class Desk:
    """Writes exports, loads them an hour apart, and tells what stands."""

    def __init__(self, spark, folder):
        self.spark = spark
        self.folder = folder
        self.tables = Tables(spark, folder / "delta")
        self.loads = Loads(folder / "delta")
        self.told = []
        self._hours = count()

    def write(self, name, content, encoding="utf-8"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return str(path)

    def source(self, text):
        return definition.parse(text, self.folder / "SOURCE.yaml")

    def load(self, source, *patterns, tenant="default", **options):
        importer = Importer(
            lambda: self.spark,
            self.folder / "delta",
            lambda: START + next(self._hours) * HOUR,
            self.told.append,
            **options,
        )
        return list(importer.run(source, tenant, patterns))

    @property
    def last(self):
        return self.loads.last

    def standing(self):
        """Record -> (identifiers, attributes) of all that stand."""
        return {
            row.record: (row.identifiers, row.attributes) for row in self.tables.current(self.last).collect()
        }

    def rejects(self):
        """Record, column and rule of the last load's failures."""
        return {(row.record, row.column, row.rule) for row in self.tables.rejects(self.last).collect()}


@pytest.fixture
def desk(spark, tmp_path):
    return Desk(spark, tmp_path)
