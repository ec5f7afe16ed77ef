"""A whole system of our own: Kafka, Redis, a worker, a server, and runs in this process."""

import pytest

from deploy import bootstrap
from tests.erasing.people import RULES
from tests.faults.ground import ground_on
from tests.faults.servers import Servers

# As few generations and as short a history are kept as settings allow.
SHORT = {"UCID_GENERATIONS_KEPT": "2", "UCID_HISTORY_DAYS": "1"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    with (
        Servers(tmp_path_factory.mktemp("erasing") / "stack") as servers,
        ground_on(servers, RULES, **SHORT) as ground,
    ):
        yield ground


@pytest.fixture(scope="module")
def job(spark, ground):  # noqa: ARG001 - the session that it takes
    """What `ucid batch` does."""
    return bootstrap.batch_job(ground.settings)
