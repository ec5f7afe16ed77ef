import pytest
import yaml

from speed_layer.webhooks import endpoints
from speed_layer.webhooks.receiver import Receiver
from speed_layer.webhooks.replays import Replays
from tests.graph.conftest import redis, server
from tests.webhooks.senders import SENDERS

__all__ = ["redis", "server"]


class Topics:
    """What was sent to Kafka, by topic, except while the broker is `away`."""

    def __init__(self):
        self.sent = []
        self.away = False

    def __call__(self, topic, payloads):
        from confluent_kafka import KafkaError, KafkaException

        if self.away:
            raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
        self.sent += [(topic, payload) for payload in payloads]


def opened(*senders, tenant="default", **more):
    """The endpoints of these senders, each under its name; `more` goes into each entry."""
    document = {"endpoints": {sender.name: {**sender.entry, **more} for sender in senders}}
    env = {name: value for sender in senders for name, value in sender.env.items()}
    return endpoints.parse(yaml.safe_dump(document), tenant, env, SENDERS["ses"].fetch)


@pytest.fixture
def topics():
    return Topics()


@pytest.fixture
def receiver(redis, topics):
    return Receiver(Replays(redis), topics)


@pytest.fixture(params=SENDERS.values(), ids=SENDERS)
def sender(request):
    return request.param


@pytest.fixture
def endpoint(sender):
    return opened(sender, cookie={"parameter": "visitor"})[sender.name]
