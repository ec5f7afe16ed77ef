"""Servers of our own, also where Docker answers: what is to be broken must be ours."""

import random

import pytest

from tests.faults.ground import ground_on
from tests.faults.servers import Servers
from tests.faults.traffic import RULES, Traffic


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with Servers(tmp_path_factory.mktemp("faults") / "stack") as servers:
        yield servers


@pytest.fixture(scope="module")
def module_ground(servers, request):
    with ground_on(servers, getattr(request.module, "RULES", RULES)) as ground:
        yield ground


@pytest.fixture(scope="module")
def rng(request):
    """Chance that a module's SEED decides."""
    return random.Random(request.module.SEED)


@pytest.fixture(scope="module")
def traffic(rng):
    return Traffic(rng)


@pytest.fixture
def ground(module_ground):
    """A system without a worker, whatever a test before has left behind."""
    module_ground.servers.thaw("redis")
    module_ground.servers.thaw("kafka")
    module_ground.servers.up()
    yield module_ground
    module_ground.stop_workers()
