"""Real servers: containers where Docker answers, the project's own local stack otherwise."""

import gc
import secrets
import warnings
from contextlib import ExitStack, closing

import pytest

from batch_layer.run import Run
from deploy import bootstrap
from deploy.local import Stack
from deploy.looking import looking
from tests.integration.system import System


def docker_answers():
    import docker
    from docker.errors import DockerException

    with warnings.catch_warnings():
        # A client that meets no engine leaves its socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env()) as client:
                return client.ping()
        except DockerException:
            return False
        finally:
            gc.collect()


@pytest.fixture(scope="session")
def in_docker():
    return docker_answers()


@pytest.fixture(scope="module")
def servers(tmp_path_factory, in_docker):
    """Fresh Kafka and Redis for a module, as settings."""
    home = tmp_path_factory.mktemp("system")
    with ExitStack() as cleanup:
        if in_docker:
            from testcontainers.kafka import KafkaContainer
            from testcontainers.redis import RedisContainer

            kafka = cleanup.enter_context(KafkaContainer("confluentinc/cp-kafka:7.8.0").with_kraft())
            redis = cleanup.enter_context(RedisContainer("redis:7"))
            address = kafka.get_bootstrap_server()
            url = f"redis://{redis.get_container_host_ip()}:{redis.get_exposed_port(6379)}/0"
        else:
            stack = Stack(home / "stack")
            cleanup.callback(stack.down)
            state = stack.up()
            address, url = state.kafka, state.redis
        yield {
            "UCID_KAFKA": address,
            "UCID_REDIS": url,
            "UCID_GENERATIONS": str(home / "generations"),
            "UCID_DELTA": str(home / "delta"),
            "UCID_ID_KEY": secrets.token_hex(32),
        }


@pytest.fixture(scope="module")
def system(servers, request):
    """A system with the rules that the module names RULES; no worker runs yet."""
    system = System(servers, request.module.RULES)
    yield system
    system.close()


@pytest.fixture
def job(spark, system):
    return Run(
        spark=spark,
        kafka=system.settings.kafka,
        delta=system.settings.delta,
        generations=system.settings.generations,
        id_key=system.settings.id_key,
        partitions=bootstrap.PARTITIONS,
        look=looking(
            system.redis,
            lambda: bootstrap.consumer(system.settings, "parity"),
            system.settings.generations,
        ),
    )
