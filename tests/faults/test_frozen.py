"""A worker that was frozen for so long that others took its place, and wakes with stale work in hand."""

import os
import random
import signal
from threading import Event

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.awaiting import until
from tests.faults.beside import Beside
from tests.faults.form import times
from tests.faults.load import Load
from tests.faults.proof import verify
from tests.faults.traffic import Traffic

pytestmark = [pytest.mark.stack, pytest.mark.slow]


class Watch(Beside):
    """Looks at the view's offsets all the time, and notes where one went backwards."""

    def __init__(self, ground):
        super().__init__(every=0.005)
        self._ground = ground
        self._before = {}
        self.looks = 0
        self.backwards = []

    def look(self):
        before, now = self._before, self._ground.offsets()
        self.backwards += [field for field in before if now.get(field, -1) < before[field]]
        self._before = now
        self.looks += 1


class Group:
    """The consumer group that workers on generation 0 share."""

    def __init__(self, settings):
        self._admin = AdminClient({"bootstrap.servers": settings.kafka})

    def settled(self, members):
        """Whether so many share all partitions, and none is being taken from or given to anybody."""
        (described,) = self._admin.describe_consumer_groups(["ucid-speed-v0"], request_timeout=5).values()
        try:
            group = described.result(timeout=10)
        except (KafkaException, TimeoutError):  # the broker has only just begun to keep groups
            return False
        shared = sum(len(member.assignment.topic_partitions) for member in group.members)
        return group.state.name == "STABLE" and len(group.members) == members and shared > 0


def test_a_worker_that_wakes_after_its_partitions_went_to_another(ground):
    rng = random.Random(50)
    traffic = Traffic(rng)
    group = Group(ground.settings)
    workers = [ground.start_worker(), ground.start_worker()]
    until(lambda: group.settled(2), "both workers to share the partitions")
    with Watch(ground) as watch:
        for turn in range(times(2, 50)):
            frozen = workers[turn % 2]
            # Work for seconds: it is in the midst of a batch, wherever it stops.
            ground.give(traffic.messages(5_000))
            ground.await_progress()
            Event().wait(rng.uniform(0, 0.5))
            os.kill(frozen.pid, signal.SIGSTOP)
            try:
                until(lambda: group.settled(1), "the other to take over")
                with Load(ground, traffic):
                    ground.await_applied()
            finally:
                os.kill(frozen.pid, signal.SIGCONT)
            until(lambda: group.settled(2), "the frozen one to come back")
            verify(ground)
    assert watch.looks > 100
    assert watch.backwards == []
    assert [worker.poll() for worker in workers] == [None, None]
