"""`ucid ingest` with real servers: what is of one device lies in one partition, in its order."""

import json
import subprocess
import sys
from collections import defaultdict

import pytest
from confluent_kafka import TopicPartition

from deploy import bootstrap
from schemas import WEB

pytestmark = [pytest.mark.stack, pytest.mark.slow]

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  cookie: {rank: 9}
"""
DEVICES, EACH = 40, 5


def events():
    for number in range(DEVICES * EACH):
        device = f"d{number % DEVICES}"
        who = {"login": f"{device}-{number}"} if number % 3 == 0 else {}
        yield {
            "event_id": f"e{number}",
            "occurred_at": "2026-01-01T00:00:00Z",
            "identifiers": {"cookie": device, **who},
        }


def in_log(system, count):
    """Partition and event of all messages, as they lie there."""
    consumer = system.consumer
    consumer.assign([TopicPartition(WEB, p, 0) for p in range(bootstrap.PARTITIONS[WEB])])
    found = []
    while len(found) < count:
        (message,) = consumer.consume(1, 30)
        found.append((message.partition(), json.loads(message.value())))
    consumer.unassign()
    return found


def test_a_device_has_a_partition(system, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, events())))
    command = [sys.executable, "-m", "deploy", "ingest", path]
    subprocess.run(command, env=system.env, check=True, capture_output=True)
    partitions, order = defaultdict(set), defaultdict(list)
    for partition, event in in_log(system, DEVICES * EACH):
        device = event["identifiers"]["cookie"]
        partitions[device].add(partition)
        order[device].append(int(event["event_id"][1:]))
    assert len(partitions) == DEVICES
    assert all(len(found) == 1 for found in partitions.values())
    assert len(set.union(*partitions.values())) > 1
    assert all(numbers == sorted(numbers) for numbers in order.values())
