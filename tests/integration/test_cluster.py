"""`spark-submit` to a standalone cluster of a master and two workers."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pyspark
import pytest

import deploy
from deploy.awaiting import until
from deploy.local import default_cache, spark_jars
from deploy.local.ports import free_port
from identity import Minter, resolve, rulefile
from schemas import overlay
from schemas.generation import open_generation
from tests.faults import account
from tests.integration.system import by_id

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  cookie: {rank: 2, max: 4}
"""
HOST = "127.0.0.1"
SPARK = Path(pyspark.__file__).parent

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.minutes,
]


class Cluster:
    """A master and its workers, each a process."""

    def __init__(self, folder, workers):
        self._folder = folder
        self._cleanup = ExitStack()
        port = free_port(HOST)
        self.address = f"spark://{HOST}:{port}"
        self._start("master", "master.Master", "--port", str(port))
        for i in range(workers):
            size = ("--cores", "1", "--memory", "1g")
            self._start(
                f"worker-{i}", "worker.Worker", *size, "--work-dir", folder / f"work-{i}", self.address
            )
        until(lambda: self.log("master").count("Registering worker") == workers, "the workers to register")

    def _start(self, name, kind, *arguments):
        command = [SPARK / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}"]
        where = ("--host", HOST, "--webui-port", "0")
        env = {**os.environ, "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([*command, *where, *arguments], env=env, stdout=log, stderr=log)
        self._cleanup.callback(process.wait, 30)
        self._cleanup.callback(process.terminate)

    def log(self, name):
        return (self._folder / f"{name}.log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._cleanup.close()


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, 2) as cluster:
        yield cluster


def submit(system, cluster, *arguments):
    settings = {
        "spark.jars": ",".join(map(str, spark_jars(default_cache()))),
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.executor.memory": "512m",
        # For a log of seconds, as `batch_layer.session.SMALL`.
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.ui.enabled": "false",
    }
    given = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    program = Path(deploy.__file__).with_name("__main__.py")
    return subprocess.run(
        [SPARK / "bin" / "spark-submit", "--master", cluster.address, *given, program, *arguments],
        env={**system.env, "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_batch_on_a_cluster_of_two_workers(system, cluster):
    for i in range(200):
        event = {
            "event_id": f"e{i}",
            "occurred_at": "2026-01-01T00:00:00Z",
            "identifiers": {"login": f"l{i % 60}", "cookie": f"k{i % 90}"},
        }
        system.send([json.dumps(event).encode()])
    done = submit(system, cluster, "batch")
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "generation 1: " in done.stdout
    assert "landed 200 messages" in done.stdout
    for worker in ("worker-0", "worker-1"):
        assert "Asked to launch executor" in cluster.log(worker)
    generation = open_generation(system.settings.generations, 1)
    generation.verify()
    assert sum(shard.entries for shard in generation.manifest.shards) > 0
    log = account.log(system.settings)
    rules = rulefile.parse(RULES)
    facts = account.said(rules, log, "default").facts
    customers = resolve(facts, rules, minter=Minter(system.settings.id_key, "default")).customers
    system.redis.set(overlay.LIVE, 1)
    assert system.export() == by_id(customers)
