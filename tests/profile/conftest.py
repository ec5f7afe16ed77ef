from tests.graph.conftest import redis, server

__all__ = ["redis", "server"]
