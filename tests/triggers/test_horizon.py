"""Until when nothing can come any more: only when all that lay in the log then has been routed."""

from confluent_kafka import TopicPartition

from speed_layer.triggers.horizon import Horizon


class Log:
    """Ends of partitions, and how far a group has come."""

    def __init__(self):
        self.ends = {("web.events", 0): (0, 0), ("web.events", 1): (0, 0), ("email.events", 0): (0, 0)}
        self.reached = {}
        self.now = 0

    def get_watermark_offsets(self, partition, timeout):
        assert timeout
        return self.ends[partition.topic, partition.partition]

    def committed(self, partitions, timeout):
        assert timeout
        none = -1001
        return [
            TopicPartition(p.topic, p.partition, self.reached.get((p.topic, p.partition), none))
            for p in partitions
        ]

    def clock(self):
        self.now += 1
        return self.now

    def horizon(self):
        return Horizon(self, {"web.events": 2, "email.events": 1}, self.clock)


def test_an_empty_log_holds_nothing_back():
    horizon = Log().horizon()
    assert [horizon.look(), horizon.look()] == [1, 2]


def test_what_retention_dropped_holds_nothing_back():
    log = Log()
    log.ends["web.events", 0] = (7, 7)
    assert log.horizon().look() == 1


def test_it_waits_for_what_lay_there_when_it_was_asked_and_for_no_more():
    log = Log()
    horizon = log.horizon()
    log.ends["web.events", 1] = (0, 5)
    assert horizon.look() is None
    log.reached["web.events", 1] = 4
    assert horizon.look() is None
    log.ends["web.events", 1] = (0, 9)
    log.ends["email.events", 0] = (0, 1)
    log.reached["web.events", 1] = 5
    assert horizon.look() == 1
    assert horizon.look() is None
    log.reached = {("web.events", 1): 9, ("email.events", 0): 1}
    assert horizon.look() == 2
