import pytest
from redis.asyncio import Redis as AioRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from serving_layer.view import ServingView
from tests.graph.conftest import redis, server
from tests.serving.client import Served
from tests.serving.world import World

__all__ = ["redis", "server"]


@pytest.fixture
def world(redis, tmp_path):
    """A generation that knows Tom, Ann and what a hot cookie was seen with; readers stand on it."""
    world = World(redis, tmp_path / "generations")
    world.publish()
    world.go_live()
    return world


@pytest.fixture
def view(world):
    return ServingView(world.redis, world.root, "default")


def aio(server):
    """A client for an event loop, that reports at once that the server is away."""
    return AioRedis(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), retries=0))


@pytest.fixture
def served(world, server, tmp_path):
    with Served(world, tmp_path, aio(server)) as served:
        yield served


@pytest.fixture
def key(served):
    """A key that may do everything."""
    return served.key()
