"""Whoever asks where the log ends while a leader moves is told once there is one."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from batch_layer import watermarks as module
from batch_layer.watermarks import watermarks


class Broker:
    def __init__(self, *answers):
        self.answers = list(answers)

    def get_watermark_offsets(self, _where, timeout):
        assert timeout > 0
        answer = self.answers.pop(0)
        if answer is None or isinstance(answer, tuple):
            return answer
        raise KafkaException(KafkaError(answer))


WHERE = TopicPartition("web.events", 0)


@pytest.mark.parametrize("moving", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE])
def test_a_leader_that_moves_is_waited_for(monkeypatch, moving):
    monkeypatch.setattr(module, "_AGAIN_S", 0)
    assert watermarks(Broker(moving, moving, (3, 7)), WHERE) == (3, 7)


def test_but_not_for_ever():
    with pytest.raises(KafkaException):
        watermarks(Broker(KafkaError.NOT_LEADER_FOR_PARTITION), WHERE, patience=1e-9)


def test_a_broker_that_does_not_answer_in_time_is_an_error():
    with pytest.raises(KafkaException) as caught:
        watermarks(Broker(None), WHERE)
    assert caught.value.args[0].code() == KafkaError._TIMED_OUT


def test_what_will_not_change_is_told_at_once():
    broker = Broker(KafkaError.TOPIC_AUTHORIZATION_FAILED, (3, 7))
    with pytest.raises(KafkaException):
        watermarks(broker, WHERE)
    assert broker.answers == [(3, 7)]
