"""Bronze: the log as it was, exactly once.

A landing reads each partition from where the table itself ends to where the topic ends, and appends in
one Delta commit. There is no second record of progress that could disagree with the data: a run that
dies before its commit has landed nothing, one that dies after it has landed everything.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition
from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from schemas.absorb import LOG
from schemas.generation import Offsets

log = logging.getLogger(__name__)

# How long a broker may take to say where its partitions begin and end, in seconds.
_PATIENCE = 30


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

    def land(
        self, kafka: str, partitions: Mapping[str, int], settings: Mapping[str, str], spark: Mapping[str, str]
    ) -> Offsets:
        """Land what is new; returns the exclusive cut-off of every partition of the log.

        `kafka` is the bootstrap servers, `partitions` how many each topic has; `settings` are more of
        librdkafka's and `spark` the same ones as Java's client calls them. Raises KafkaException, and what
        Spark raises.
        """
        first = not DeltaTable.isDeltaTable(self._spark, self._path)
        landed: Offsets = {} if first else self._ends()
        begins, ends = _bounds(kafka, settings, partitions)
        for topic, known in landed.items():
            for partition, offset in known.items():
                if offset < begins[topic][partition]:
                    # Retention was shorter than the pause between two runs: say so, go on with the rest.
                    log.error("%s %d: offsets %d to %d are no longer in Kafka and never landed",
                              topic, partition, offset, begins[topic][partition])  # fmt: skip
                begins[topic][partition] = max(offset, begins[topic][partition])
        if first or begins != ends:
            self._append(kafka, spark, begins, ends)
        return ends

    def _ends(self) -> Offsets:
        """The offset after the last landed message, by topic and partition."""
        ends: Offsets = {}
        for row in self.table().groupBy("topic", "partition").agg(f.max("offset").alias("last")).collect():
            ends.setdefault(row.topic, {})[row.partition] = row.last + 1
        return ends

    def _append(self, kafka: str, settings: Mapping[str, str], begins: Offsets, ends: Offsets) -> None:
        reader = (
            self._spark.read.format("kafka")
            .option("kafka.bootstrap.servers", kafka)
            .option("assign", _json({topic: list(offsets) for topic, offsets in ends.items()}))
            .option("startingOffsets", _json(begins))
            .option("endingOffsets", _json(ends))
        )
        for key, value in settings.items():
            reader = reader.option(f"kafka.{key}", value)
        ingested_at = f.unix_micros("timestamp").alias("ingested_at")
        new = reader.load().select("topic", "partition", "offset", ingested_at, "key", "value")
        new.write.format("delta").mode("append").save(self._path)


def _bounds(
    kafka: str, settings: Mapping[str, str], partitions: Mapping[str, int]
) -> tuple[Offsets, Offsets]:
    """The first offset and the one after the last, of each partition of the log."""
    begins: Offsets = {topic: {} for topic in LOG}
    ends: Offsets = {topic: {} for topic in LOG}
    consumer = Consumer({**settings, "bootstrap.servers": kafka, "group.id": "ucid-batch"})
    try:
        for topic in LOG:
            for partition in range(partitions[topic]):
                where = TopicPartition(topic, partition)
                begins[topic][partition], ends[topic][partition] = consumer.get_watermark_offsets(
                    where, timeout=_PATIENCE
                )
    finally:
        consumer.close()
    return begins, ends


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
