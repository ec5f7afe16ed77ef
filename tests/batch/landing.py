"""A batch layer without Kafka: messages are put into bronze as a landing would have."""

import json

from batch_layer.begin import begin
from batch_layer.run import Run, increment, rebuild
from deploy import bootstrap
from identity import rulefile
from schemas import EMAIL
from schemas.absorb import LOG
from schemas.generation import Manifest, numbers, open_generation

_MESSAGE = "topic STRING, partition INT, offset BIGINT, ingested_at BIGINT, key BINARY, value BINARY"
START = 1_790_000_000_000_000  # when the first message is appended, in microseconds


class Landing:
    """One system below a directory: what is landed, and runs over all of it."""

    def __init__(self, spark, home, rules):
        self.rules = rules
        self.job = Run(
            spark=spark,
            kafka="nowhere",
            delta=home / "delta",
            generations=home / "generations",
            id_key=b"k" * 32,
            partitions=bootstrap.PARTITIONS,
        )
        self.ends = {topic: {0: 0} for topic in LOG}
        self._count = 0
        begin(self.job.generations, rules, bootstrap.PARTITIONS)

    def land(self, messages):
        """Append (topic, event) to the log."""
        rows = []
        for topic, event in messages:
            line = {"outcome": "click", **event} if topic == EMAIL else event
            offset = self.ends[topic][0]
            value = bytearray(json.dumps(line).encode())
            rows.append((topic, 0, offset, START + self._count * 1_000, None, value))
            self.ends[topic][0] = offset + 1
            self._count += 1
        frame = self.job.spark.createDataFrame(rows, _MESSAGE)
        frame.write.format("delta").mode("append").save(str(self.job.delta / "bronze" / "events"))

    def bronze(self):
        return self.job.spark.read.format("delta").load(str(self.job.delta / "bronze" / "events"))

    def run(self, as_of=None):
        """The next generation's manifest, of everything."""
        return rebuild(self.job, *self.manifests(as_of))

    def increment(self, as_of=None):
        """The same of what is new."""
        return increment(self.job, *self.manifests(as_of))

    @property
    def newest(self):
        """The number of the last generation."""
        return numbers(self.job.generations)[-1]

    def manifests(self, as_of=None):
        """The last generation's manifest, and what is known beforehand of the next one's."""
        number = self.newest
        before = open_generation(self.job.generations, number).manifest
        manifest = Manifest(
            generation=number + 1,
            offsets={topic: dict(ends) for topic, ends in self.ends.items()},
            as_of=as_of,
            rules=self.rules,
            fingerprint=rulefile.parse(self.rules).fingerprint,
        )
        return before, manifest

    def generation(self, number):
        return open_generation(self.job.generations, number)
