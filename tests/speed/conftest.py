import pytest

from speed_layer import erasures
from tests.graph.conftest import redis, server

__all__ = ["redis", "server"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Whoever has nothing else to do asks for erasures each time."""
    monkeypatch.setattr(erasures, "EVERY_S", 0)
