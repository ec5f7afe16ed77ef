"""A whole system of our own: Kafka, Redis, a worker, a server, and runs in this process."""

import secrets

import pytest

from deploy import bootstrap
from tests.erasing.people import RULES
from tests.faults.ground import Ground
from tests.faults.servers import Servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    servers = Servers(tmp_path_factory.mktemp("erasing") / "stack")
    yield servers
    servers.down()


@pytest.fixture(scope="module")
def ground(servers):
    """As few generations and as short a history are kept as settings allow."""
    state, home = servers.up(), servers.home.parent
    env = {
        "UCID_KAFKA": state.kafka,
        "UCID_REDIS": state.redis,
        "UCID_GENERATIONS": str(home / "generations"),
        "UCID_DELTA": str(home / "delta"),
        "UCID_ID_KEY": secrets.token_hex(32),
        "UCID_GENERATIONS_KEPT": "2",
        "UCID_HISTORY_DAYS": "1",
    }
    ground = Ground(servers, env, RULES)
    yield ground
    ground.close()


@pytest.fixture(scope="module")
def job(spark, ground):  # noqa: ARG001 - the session that it takes
    """What `ucid batch` does."""
    return bootstrap.batch_job(ground.settings)
