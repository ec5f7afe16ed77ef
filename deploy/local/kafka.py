"""Kafka for the local stack: one process that is broker and controller (KRaft)."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import StartError

_NODE = 1


def command(java: Path, jars: Sequence[Path], data: Path, host: str, port: int, controller: int) -> list[str]:
    """The command that serves a data directory, formatted if need be, on two ports.

    Raises StartError if the directory cannot be formatted.
    """
    data.mkdir(parents=True, exist_ok=True)
    run = [str(java), "-cp", str(jars[0].parent / "*")]
    if not (data / "log").exists():
        _format(run, data, host)
    config = _configure(data / "server.properties", data / "log", host, port, controller)
    logging = data / "log4j2.properties"
    logging.write_text(_LOGGING)
    # A laptop's broker: a small heap, and the collector with the least overhead.
    options = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
    options += ["-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={logging}"]
    return [*run, *options, "kafka.Kafka", str(config)]


def ready(address: str) -> bool:
    """Whether the broker at an address ("host:port") takes requests."""
    # Clients load only when something is started: commands that start nothing stay quick.
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    # The log level keeps the client from writing refused connections to our standard error.
    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return _NODE in client.list_topics(timeout=2).brokers
    except KafkaException:
        return False


def _format(run: Sequence[str], data: Path, host: str) -> None:
    """Give a new log directory its cluster id; it appears by one rename when it is complete."""
    partial = data / "log.partial"
    config = _configure(data / "format.properties", partial, host, 9092, 9093)  # the ports are not kept
    # Kafka takes any 16 bytes in base64, unless they look like an option on its command line.
    cluster = "u" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    arguments = ["--cluster-id", cluster, "--config", str(config), "--ignore-formatted"]
    ended = subprocess.run(
        [*run, "kafka.tools.StorageTool", "format", *arguments], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise StartError(f"Kafka could not format {data}:\n{ended.stdout}{ended.stderr}")
    config.unlink()
    partial.rename(data / "log")


def _configure(path: Path, log: Path, host: str, port: int, controller: int) -> Path:
    settings = {
        "node.id": _NODE,
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}",
        "controller.listener.names": "CONTROLLER",
        # Named here, not in the formatted directory, so that the port may change from run to run.
        "controller.quorum.voters": f"{_NODE}@{host}:{controller}",
        "log.dirs": log,
        # A mistyped topic is an error; and what `ucid` creates has the partitions it asked for.
        "auto.create.topics.enable": "false",
        # Ingestion time is when the log took an event in, whatever its producer says.
        "log.message.timestamp.type": "LogAppendTime",
        "group.initial.rebalance.delay.ms": 0,
        # A broker that was killed may come back when its session is over. It shares a process with
        # the controller, so a stall stops both clocks and a short session fences nobody by mistake.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # One broker, few groups: one replica and one partition of Kafka's own topics.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A quarter of the heap would go to compaction.
        "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    }
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return path


_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
# These print every setting at every start.
logger.config.name = org.apache.kafka.common.config
logger.config.level = warn
logger.server.name = kafka.server.KafkaConfig
logger.server.level = warn
"""
