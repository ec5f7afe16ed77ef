import logging
import sys
import threading

import pytest

from tests.graph.conftest import redis, server
from tests.local.conftest import python_env
from tests.operations.certificates import Authority

__all__ = ["python_env", "redis", "server"]


@pytest.fixture
def own_logging():
    """Lets a test configure logging; afterwards all is as it was."""
    root, py4j = logging.getLogger(), logging.getLogger("py4j")
    handlers, levels = root.handlers[:], (root.level, py4j.level)
    hooks = sys.excepthook, threading.excepthook
    # `configure` closes the handlers that it replaces; pytest needs its own again.
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    py4j.setLevel(levels[1])
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
