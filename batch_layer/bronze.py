"""Bronze: the log as it was, exactly once.

A landing reads each partition from where the table itself ends to where the topic ends, and appends in
one Delta commit. There is no second record of progress that could disagree with the data: a run that
dies before its commit has landed nothing, one that dies after it has landed everything.
"""

import logging
from collections.abc import Mapping
from functools import reduce
from operator import or_
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.watermarks import watermarks
from schemas.absorb import LOG
from schemas.generation import Offsets

log = logging.getLogger(__name__)

_TABLE = "bronze/events"


class Bronze:
    """The table of raw messages below the Delta root, and the topics that it is filled from.

    `kafka` is the bootstrap servers, `partitions` how many each topic has; `settings` are more settings of
    librdkafka and `spark_settings` the same ones as Java's client calls them. `landed` counts the messages
    that the last landing brought.
    """

    def __init__(
        self,
        spark: SparkSession,
        root: Path,
        kafka: str,
        partitions: Mapping[str, int],
        settings: Mapping[str, str],
        spark_settings: Mapping[str, str],
    ) -> None:
        self._spark = spark
        self._root = root
        self._kafka = kafka
        self._partitions = partitions
        self._settings = settings
        self._spark_settings = spark_settings
        self.landed = 0

    def table(self) -> DataFrame:
        """All messages that have landed."""
        return delta.read(self._spark, self._root, _TABLE)

    def since(self, offsets: Offsets, ends: Offsets) -> DataFrame:
        """The messages that have landed at or beyond a cut-off; `ends` names all partitions."""
        # Said so that Delta sees which files cannot hold one.
        each = [
            (f.col("topic") == topic)
            & (f.col("partition") == partition)
            & (f.col("offset") >= offsets.get(topic, {}).get(partition, 0))
            for topic, partitions in ends.items()
            for partition in partitions
        ]
        return self.table().where(reduce(or_, each, f.lit(False)))

    def below(self, offsets: Offsets) -> DataFrame:
        """All messages below a cut-off; those that have not landed yet are taken from Kafka."""
        landed, (begins, _) = self.ends(), self.bounds()
        bounds = self._spark.createDataFrame(
            [(topic, i, end) for topic, ends in offsets.items() for i, end in ends.items()],
            "topic STRING, partition INT, end BIGINT",
        )
        table = self.table().join(f.broadcast(bounds), ["topic", "partition"])
        found = table.where(f.col("offset") < f.col("end")).drop("end")
        begins = {
            topic: {
                i: min(max(first, landed.get(topic, {}).get(i, 0)), offsets[topic][i])
                for i, first in firsts.items()
            }
            for topic, firsts in begins.items()
        }
        if messages(begins, offsets):
            found = found.unionByName(self.between(begins, offsets))
        return found

    def between(self, begins: Offsets, ends: Offsets) -> DataFrame:
        """Messages as Kafka has them, landed or not."""
        reader = (
            self._spark.read.format("kafka")
            .option("kafka.bootstrap.servers", self._kafka)
            .option("assign", _json({topic: list(offsets) for topic, offsets in ends.items()}))
            .option("startingOffsets", _json(begins))
            .option("endingOffsets", _json(ends))
        )
        for key, value in self._spark_settings.items():
            reader = reader.option(f"kafka.{key}", value)
        return reader.load().select(
            "topic",
            "partition",
            "offset",
            f.unix_micros("timestamp").alias("ingested_at"),
            "key",
            "value",
            f.to_date("timestamp").alias("day"),
        )

    def bounds(self) -> tuple[Offsets, Offsets]:
        """The first offset in Kafka and the one after the last, of each partition. Raises KafkaException."""
        return _bounds(self._kafka, self._settings, self._partitions)

    def land(self) -> Offsets:
        """Land what is new; returns the exclusive cut-off of every partition of the log.

        Raises KafkaException, and what Spark raises.
        """
        landed = self.ends()
        begins, ends = self.bounds()
        for topic, known in landed.items():
            for partition, offset in known.items():
                if offset < begins[topic][partition]:
                    # Retention was shorter than the pause between two runs: say so, go on with the rest.
                    log.error("%s %d: offsets %d to %d are no longer in Kafka and never landed",
                              topic, partition, offset, begins[topic][partition])  # fmt: skip
                begins[topic][partition] = max(offset, begins[topic][partition])
        self.landed = messages(begins, ends)
        if self.landed or not delta.exists(self._root, _TABLE):
            delta.append(self._spark, self._root, _TABLE, self.between(begins, ends))
        return ends

    def ends(self) -> Offsets:
        """The offset after the last landed message, by partition; empty before the first landing."""
        ends: Offsets = {}
        if delta.exists(self._root, _TABLE):
            last = self.table().groupBy("topic", "partition").agg(f.max("offset").alias("last"))
            for row in last.collect():
                ends.setdefault(row.topic, {})[row.partition] = row.last + 1
        return ends


def messages(begins: Offsets, ends: Offsets) -> int:
    """How many messages lie between two cut-offs."""
    return sum(
        end - begins[topic][partition]
        for topic, partitions in ends.items()
        for partition, end in partitions.items()
    )


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
                begins[topic][partition], ends[topic][partition] = watermarks(consumer, where)
    finally:
        consumer.close()
    return begins, ends


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
