import pytest

from serving_layer.view import ServingView
from tests.graph.conftest import redis, server
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
