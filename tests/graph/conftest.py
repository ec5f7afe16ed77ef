import pytest

import tests.identity.conftest  # noqa: F401 - the profile of Hypothesis
from tests.graph.redis_server import RedisServer


@pytest.fixture(scope="module")
def server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(server):
    client = server.client()
    client.flushall()
    return client
