"""A running system for tests: real servers, real workers, and ways to wait for them."""

import gzip
import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from batch_layer.begin import begin
from deploy import bootstrap
from deploy.awaiting import is_applied, live_generation, log_end, until
from deploy.sending import send
from deploy.settings import Settings
from schemas import WEB

DATA = Path(__file__).parents[2].parent / "shared" / "data"
COMMITS = DATA / "commits" / "observations.jsonl.gz"

COMMIT_RULES = """
version: 1
identifiers:
  email: {rank: 1, max: 20, normalise: email, hot: 20}
  name: {rank: 2, max: 20}
"""


def commit_events():
    """The real observations as (event line, person)."""
    with gzip.open(COMMITS) as stream:
        for line in stream:
            seen = json.loads(line)
            event = {
                "event_id": seen["event_id"],
                "occurred_at": seen["occurred_at"],
                "identifiers": {"email": seen["email"], "name": seen["name"]},
            }
            yield json.dumps(event).encode(), seen["person"]


def simulate(rules, lines, tmp_path):
    """What `ucid simulate` says of lines: the partition as a set of sets."""
    (tmp_path / "rules.yaml").write_text(rules)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines))
    command = [sys.executable, "-m", "deploy", "simulate", tmp_path / "rules.yaml", tmp_path / "events.jsonl"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {
        frozenset((i["type"], i["value"]) for i in customer["identifiers"]) for customer in found["customers"]
    }


def by_id(customers):
    return {customer.id: frozenset(map(tuple, customer.members)) for customer in customers}


class System:
    """One set of servers with one rule file; workers are processes of their own."""

    def __init__(self, env, rules):
        self.env = {**os.environ, **env}
        self.settings = Settings.load(self.env)
        bootstrap.create_topics(self.settings)
        begin(self.settings.generations, rules, bootstrap.PARTITIONS)
        self.redis = bootstrap.redis(self.settings)
        self.producer = bootstrap.producer(self.settings)
        self.consumer = bootstrap.consumer(self.settings, "test")
        self.view = bootstrap.serving_view(self.settings)
        self.workers = []
        self._logs = self.settings.generations.parent
        self._count = itertools.count()

    def start_worker(self):
        with (self._logs / f"worker-{next(self._count)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "deploy", "speed"], env=self.env, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def kill_worker(self):
        """Kill -9 the oldest worker."""
        worker = self.workers.pop(0)
        worker.kill()
        worker.wait()

    def stop_workers(self):
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(30)
        self.workers.clear()

    def send(self, lines, topic=WEB):
        return send(self.producer, topic, lines)

    def await_applied(self, deadline=120.0):
        end = log_end(self.consumer)
        until(lambda: is_applied(self.redis, end), "the workers to catch up", deadline)

    def await_generation(self, number):
        until(lambda: live_generation(self.redis) == number, f"the handover to generation {number}")

    def applied(self):
        """How many messages readers see."""
        from speed_layer.view import read_offsets

        number = live_generation(self.redis)
        return sum(read_offsets(self.redis, number).values()) if number is not None else 0

    def export(self):
        return by_id(self.view.customers())

    def close(self):
        self.stop_workers()
        self.consumer.close()
        # A producer without a reference ends; with one it would look for its broker for ever.
        del self.producer
        self.redis.close()


def shuffled(lines, seed):
    lines = list(lines)
    random.Random(seed).shuffle(lines)
    return lines
