"""Real Kafka and Redis: one stack for the whole module, started by two processes at once."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from deploy.local import Stack, StartError, State
from deploy.settings import Settings

pytestmark = pytest.mark.slow

UP = "import sys; from pathlib import Path; from deploy.local import Stack; Stack(Path(sys.argv[1])).up()"


@pytest.fixture(scope="module")
def stack(tmp_path_factory, python_env):
    home = tmp_path_factory.mktemp("stack") / "home"
    stack = Stack(home)
    ups = [subprocess.Popen([sys.executable, "-c", UP, str(home)], env=python_env) for _ in range(2)]
    try:
        assert [up.wait() for up in ups] == [0, 0]
        yield stack
    finally:
        stack.down(wipe=True)
    assert not home.exists()


def pids(state):
    return {name: process.pid for name, process in state.processes.items()}


def kill(process):
    process.kill()
    assert process.ended(within=30)


def test_two_at_once_start_one_stack(stack):
    logs = State.load(stack.home).logs
    assert (logs / "redis.log").read_text().count("Redis is starting") == 1
    assert (logs / "kafka.log").read_text().count("Registered signal handlers") == 1


def test_up_is_idempotent(stack):
    before = State.load(stack.home)
    said = []
    after = stack.up(lambda what, detail: said.append(f"{what}: {detail}"))
    assert after == before
    assert f"Starting kafka: ready at {before.kafka}" in said
    assert [(service.name, service.state, service.address) for service in stack.status()] == [
        ("redis", "up", before.redis),
        ("kafka", "up", before.kafka),
    ]


def test_settings_come_from_the_running_stack(stack):
    state = State.load(stack.home)
    settings = Settings.load({"UCID_HOME": str(stack.home)})
    assert (settings.kafka, settings.redis_url) == (state.kafka, state.redis)
    assert (settings.generations, settings.delta) == (stack.home / "generations", stack.home / "delta")
    assert settings.id_key == (stack.home / "id.key").read_bytes().strip()
    assert (stack.home / "id.key").stat().st_mode & 0o777 == 0o600


def test_kafka_killed_comes_back_on_its_data(stack):
    before = stack.up()
    admin = AdminClient({"bootstrap.servers": before.kafka, "log_level": 0})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(30)
    producer = Producer({"bootstrap.servers": before.kafka, "log_level": 0, "compression.type": "snappy"})
    producer.produce("kept", b"an event")
    assert producer.flush(30) == 0
    kill(before.processes["kafka"])

    after = stack.up()
    assert after.kafka == before.kafka
    assert pids(after)["redis"] == pids(before)["redis"]
    assert pids(after)["kafka"] != pids(before)["kafka"]
    consumer = Consumer(
        {"bootstrap.servers": after.kafka, "log_level": 0, "group.id": "g", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["kept"])
    (message,) = consumer.consume(1, timeout=30)
    consumer.close()
    assert message.value() == b"an event"


def test_redis_killed_comes_back_on_its_data(stack):
    before = stack.up()
    with Redis.from_url(before.redis) as client:
        client.set("kept", "a customer")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    kill(before.processes["redis"])

    after = stack.up()
    assert after.redis == before.redis
    assert pids(after)["kafka"] == pids(before)["kafka"]
    with Redis.from_url(after.redis) as client:
        assert client.get("kept") == b"a customer"


def test_a_server_whose_port_was_taken_gets_another(stack):
    before = stack.up()
    kill(before.processes["redis"])
    with socket.create_server(("127.0.0.1", before.ports["redis"])):
        after = stack.up()
    assert after.redis != before.redis
    with Redis.from_url(after.redis) as client:
        assert client.ping()


def test_a_server_that_cannot_start_shows_its_log(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "redis-server"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("redis-server") == str(fake)
    stack = Stack(tmp_path / "home")
    with pytest.raises(StartError) as caught:
        stack.up()
    assert "redis ended while starting" in str(caught.value)
    assert "the disk is full" in str(caught.value)
    assert str(stack.home / "logs" / "redis.log") in str(caught.value)
    stack.down()
