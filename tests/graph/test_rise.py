"""From an empty Redis to readers on a whole view: what `rise` lets happen, and what not."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas import EMAIL, WEB, overlay
from schemas.absorb import LOG
from speed_layer.errors import LostView
from speed_layer.rise import Rise
from speed_layer.view import ViewState
from tests.graph.published import publish

SEEN = {b"web.events:0": 4, b"web.events:1": 7}


class Log:
    """What a broker says of its log, and nothing else; every topic of the log has two partitions."""

    def __init__(self):
        self.bounds = {}  # (topic, partition) -> first offset, end
        self.asked = 0
        self.error = None

    def list_topics(self, topic, timeout):
        assert timeout > 0
        self.asked += 1
        known = SimpleNamespace(error=self.error, partitions={0: None, 1: None})
        return SimpleNamespace(topics={topic: known})

    def get_watermark_offsets(self, partition, timeout):
        assert timeout > 0
        return self.bounds.get((partition.topic, partition.partition), (0, 0))

    def close(self):
        pass


@pytest.fixture
def log():
    log = Log()
    log.bounds = {(WEB, 0): (0, 4), (WEB, 1): (0, 7)}
    return log


@pytest.fixture
def generation(tmp_path):
    return publish(tmp_path, [], number=3, offsets={topic: {0: 0, 1: 0} for topic in LOG})


@pytest.fixture
def state(redis, generation):
    return ViewState(redis, generation)


def attempt(rise, state, *, idle=False):
    return rise.complete(3, state.epoch, idle=idle)


def test_readers_wait_until_the_view_has_come_to_where_the_log_ended(redis, log, state):
    rise = Rise(redis, log)
    assert not attempt(rise, state)
    state.advance({b"web.events:0": 4, b"web.events:1": 6}, 1)
    assert not attempt(rise, state)
    assert not redis.exists(overlay.LIVE)
    # What has arrived since is not waited for.
    log.bounds[WEB, 1] = (0, 1_000)
    state.advance({b"web.events:1": 7}, 1)
    assert attempt(rise, state)
    assert redis.get(overlay.LIVE) == b"3"
    assert not redis.exists(overlay.GOAL)


def test_an_empty_log_has_nothing_to_wait_for(redis, state):
    assert attempt(Rise(redis, Log()), state)
    assert redis.get(overlay.LIVE) == b"3"


def test_a_worker_that_comes_later_or_after_one_that_died_has_the_same_goal(redis, log, state):
    assert not attempt(Rise(redis, log), state)
    log.bounds[EMAIL, 0] = (0, 1_000)
    state.advance(SEEN, 1)
    assert attempt(Rise(redis, log), state)


def test_the_worker_that_sees_it_first_lets_readers_on_and_the_other_finds_them_there(redis, log, state):
    first, second = Rise(redis, log), Rise(redis, log)
    assert not attempt(first, state)
    assert not attempt(second, state)
    state.advance(SEEN, 1)
    assert attempt(second, state)
    redis.set(overlay.LIVE, 4)  # a handover has moved them on meanwhile
    assert attempt(first, state)
    assert redis.get(overlay.LIVE) == b"4"


def test_a_view_that_is_lost_sets_no_goal_and_lets_nobody_on(redis, log, state):
    rise = Rise(redis, log)
    redis.flushall()
    with pytest.raises(LostView):
        attempt(rise, state)
    assert redis.dbsize() == 0


def test_a_newer_generation_inherits_the_goal(redis, log, state, tmp_path):
    rise = Rise(redis, log)
    assert not attempt(rise, state)
    offsets = {topic: {0: 0, 1: 0} for topic in LOG} | {WEB: {0: 4, 1: 0}}
    newer = ViewState(redis, publish(tmp_path, [], number=4, offsets=offsets))
    assert not rise.complete(4, newer.epoch, idle=False)
    newer.advance({b"web.events:1": 7}, 1)
    assert rise.complete(4, newer.epoch, idle=False)
    assert redis.get(overlay.LIVE) == b"4"


def test_what_retention_has_dropped_is_not_waited_for(redis, log, state):
    rise = Rise(redis, log)
    state.advance({b"web.events:0": 4}, 1)
    assert not attempt(rise, state)
    log.bounds[WEB, 1] = (7, 7)
    assert not attempt(rise, state, idle=False)
    assert attempt(rise, state, idle=True)


def test_the_log_is_asked_once_while_there_is_work(redis, log, state):
    rise = Rise(redis, log)
    for _ in range(5):
        assert not attempt(rise, state)
    assert log.asked == len(LOG)


def test_a_topic_that_the_broker_does_not_know_is_an_error_and_no_goal(redis, log, state):
    log.error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    with pytest.raises(KafkaException):
        attempt(Rise(redis, log), state)
    assert not redis.exists(overlay.GOAL, overlay.LIVE)
