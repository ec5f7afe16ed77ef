"""What a server puts into the log goes to the topic of its kind, and is known to have arrived."""

import asyncio

import pytest

from deploy.deciding import Decider
from schemas import DECISIONS, WEB, Decision, Identifier, Unavailable, WebEvent, decode
from tests.speed.kafka import FakeMessage

NOON = 1_767_268_800_000_000
RECORDS = [
    (WEB, WebEvent(event_id="u", occurred_at=NOON, kind="profile_update", identifiers={"login": ["ann"]})),
    (
        DECISIONS,
        Decision(
            decision_id="d",
            decided_at=NOON,
            verdict="must_link",
            a=Identifier("login", "ann"),
            b=Identifier("login", "bob"),
        ),
    ),
]


class Broker:
    """A producer whose broker answers, or does not."""

    def __init__(self, error=None, *, answers=True):
        self.sent = []
        self._error = error
        self._answers = answers

    def produce(self, topic, payload, on_delivery):
        self.sent.append((topic, payload, on_delivery))

    def flush(self, _timeout):
        for topic, payload, tell in self.sent:
            if self._answers:
                tell(self._error, FakeMessage(topic, 2, 7, payload, 0))


def decider(broker):
    found = Decider(None)
    found.__dict__["_producer"] = broker
    return found


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=[topic for topic, _ in RECORDS])
def test_each_kind_has_its_topic(topic, record):
    broker = Broker()
    assert asyncio.run(decider(broker).send(record)) == (f"{topic}:2", 7)
    ((sent_to, payload, _),) = broker.sent
    assert sent_to == topic
    assert decode(topic, payload, NOON) == record


@pytest.mark.parametrize("broker", [Broker("refused"), Broker(answers=False)], ids=["refused", "silent"])
def test_what_has_not_arrived_is_told(broker):
    with pytest.raises(Unavailable, match="send it again"):
        asyncio.run(decider(broker).send(RECORDS[0][1]))
