import pytest

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
