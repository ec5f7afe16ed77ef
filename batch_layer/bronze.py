"""Bronze: the log as it was, exactly once.

A landing reads each partition from where the table itself ends to where the topic ends, and appends in
one Delta commit. There is no second record of progress that could disagree with the data: a run that
dies before its commit has landed nothing, one that dies after it has landed everything.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from schemas.absorb import LOG
from schemas.generation import Offsets

_DDL = """topic STRING NOT NULL, partition INT NOT NULL, offset BIGINT NOT NULL,
          ingested_at BIGINT NOT NULL COMMENT 'append time, microseconds since the epoch',
          key BINARY, value BINARY COMMENT 'the message as it was sent'"""

# To Spark's Kafka source: from the first record that the topic still has.
_EARLIEST = -2


class Bronze:
    """The table of raw messages below the Delta root."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self._spark = spark
        self._path = str(root / "bronze" / "events")

    def table(self) -> DataFrame:
        """All messages that have landed."""
        return self._spark.read.format("delta").load(self._path)

    def ends(self) -> Offsets:
        """The offset after the last landed message, by topic and partition."""
        rows = self.table().groupBy("topic", "partition").agg((f.max("offset") + 1).alias("end")).collect()
        ends: Offsets = {}
        for row in rows:
            ends.setdefault(row.topic, {})[row.partition] = row.end
        return ends

    def land(self, kafka: str, settings: Mapping[str, str], partitions: Mapping[str, int]) -> Offsets:
        """Land what is new; returns the exclusive cut-off of every partition of the log.

        `kafka` is the bootstrap servers, `settings` more of Kafka's client settings, `partitions` how
        many each topic has.
        """
        DeltaTable.createIfNotExists(self._spark).location(self._path).addColumns(
            self._spark.createDataFrame([], _DDL).schema
        ).execute()
        ends = self.ends()
        start = {
            topic: {p: ends.get(topic, {}).get(p, _EARLIEST) for p in range(partitions[topic])}
            for topic in LOG
        }
        reader = (
            self._spark.read.format("kafka")
            .option("kafka.bootstrap.servers", kafka)
            .option("assign", _json({topic: list(range(partitions[topic])) for topic in LOG}))
            .option("startingOffsets", _json(start))
            .option("endingOffsets", "latest")
        )
        for key, value in settings.items():
            reader = reader.option(f"kafka.{key}", value)
        reader.load().select(
            "topic",
            "partition",
            "offset",
            f.unix_micros("timestamp").alias("ingested_at"),
            "key",
            "value",
        ).write.format("delta").mode("append").save(self._path)
        ends = self.ends()
        return {topic: {p: ends.get(topic, {}).get(p, 0) for p in range(partitions[topic])} for topic in LOG}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
