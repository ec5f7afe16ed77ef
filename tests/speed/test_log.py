"""How much of the log is taken at a time, and when Kafka is told."""

from math import inf

import pytest

from speed_layer import log
from speed_layer.log import LogReader
from tests.speed.kafka import FakeConsumer, numbered


class Counting(FakeConsumer):
    """Counts what Kafka is told."""

    told = 0

    def commit(self, *, asynchronous):
        super().commit(asynchronous=asynchronous)
        self.told += 1


def reader_of(values):
    consumer = Counting(numbered(values, 0))
    return LogReader(consumer, None), consumer


@pytest.mark.parametrize(("most", "taken"), [(1, [1, 1, 1]), (5, [5, 2, 0]), (7, [7, 0, 0]), (9, [7, 0, 0])])
def test_as_many_as_wanted_or_as_there_are(monkeypatch, most, taken):
    monkeypatch.setattr(log, "SLICE", 2)
    reader, _ = reader_of([b"message"] * 7)
    assert [len(reader.read(most, 0)) for _ in taken] == taken


def test_large_messages_make_small_batches(monkeypatch):
    monkeypatch.setattr(log, "SLICE", 2)
    monkeypatch.setattr(log, "ENOUGH", 1000)
    reader, _ = reader_of([b"x" * 600] * 5 + [b"x"] * 5)
    assert [len(reader.read(100, 0)) for _ in range(4)] == [2, 2, 6, 0]


def test_kafka_is_told_now_and_then_and_at_the_end(monkeypatch):
    monkeypatch.setattr(log, "NOTE_S", inf)
    reader, consumer = reader_of([b"x"] * 9)
    for _ in range(2):
        reader.read(3, 0)
        reader.note()
    assert consumer.told == 1  # for the first time at once
    monkeypatch.setattr(log, "NOTE_S", 0)
    reader.read(0, 0)
    assert consumer.told == 2  # nothing has come, and it is time
    monkeypatch.setattr(log, "NOTE_S", inf)
    reader.read(3, 0)
    reader.note()
    reader.close()
    assert consumer.told == 3


def test_kafka_is_not_told_of_what_is_not_applied(monkeypatch):
    reader, consumer = reader_of([b"x"] * 2)
    monkeypatch.setattr(log, "NOTE_S", inf)
    reader.read(1, 0)
    reader.note()
    reader.read(1, 0)
    reader.close()
    assert consumer.told == 1
