"""Servers of our own, also where Docker answers: what is to be broken must be ours."""

import random
import secrets

import pytest

from tests.faults.ground import Ground
from tests.faults.servers import Servers
from tests.faults.traffic import RULES, Traffic


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    servers = Servers(tmp_path_factory.mktemp("faults") / "stack")
    servers.up()
    yield servers
    servers.down()


@pytest.fixture(scope="module")
def module_ground(servers, request):
    state = servers.up()
    home = servers.home.parent
    env = {
        "UCID_KAFKA": state.kafka,
        "UCID_REDIS": state.redis,
        "UCID_GENERATIONS": str(home / "generations"),
        "UCID_DELTA": str(home / "delta"),
        "UCID_ID_KEY": secrets.token_hex(32),
    }
    ground = Ground(servers, env, getattr(request.module, "RULES", RULES))
    yield ground
    ground.close()


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
