import os

import pytest
from hypothesis import settings

from tests.faults.form import FULL

settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.register_profile("usual", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


def pytest_addoption(parser):
    told = "only files with tests that take many minutes, whole: a file's tests may build on each other"
    parser.addoption("--minutes", action="store_true", help=told)


def pytest_collection_modifyitems(config, items):
    """Leave out what takes many minutes, unless it is asked for; and begin with what takes longest.

    A file is run by one process: two long ones at the end would leave the other with nothing to do.
    """
    if config.getoption("--minutes"):
        files = {item.path for item in items if item.get_closest_marker("minutes")}
        config.hook.pytest_deselected(items=[item for item in items if item.path not in files])
        items[:] = [item for item in items if item.path in files]
    long = {item.path for item in items if "spark" in item.fixturenames or item.path.match("integration/*")}
    items.sort(key=lambda item: item.path not in long)
    if not FULL:
        for item in items:
            if item.get_closest_marker("minutes"):
                item.add_marker(pytest.mark.skip(reason="many minutes of Spark: make slow"))


@pytest.fixture(scope="session")
def spark():
    """One session for all tests of this process: it takes as long to start as twenty small loads."""
    from batch_layer.session import SMALL, session
    from deploy.local import default_cache, format_jars, spark_jars

    cache = default_cache()
    running = session([*spark_jars(cache), *format_jars("avro", cache), *format_jars("jdbc", cache)], SMALL)
    yield running
    running.stop()
