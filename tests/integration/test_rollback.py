"""`ucid generations`: back to an older one and on again, under the eyes of readers."""

import json
import subprocess
import sys
from threading import Event, Thread

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.awaiting import until
from deploy.bootstrap import PARTITIONS
from identity import Minter, rulefile
from schemas import WEB, overlay
from schemas.absorb import LOG
from schemas.generation import path_of
from speed_layer.view import read_offsets
from tests.faults import account
from tests.graph.published import built, entries, publish

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 4}
  cookie: {rank: 3, max: 6}
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def ucid(system, *arguments):
    command = [sys.executable, "-m", "deploy", "generations", *arguments]
    return subprocess.run(command, env=system.env, capture_output=True, text=True, check=False)


def told(system, first, last):
    """Customers of a login, a cookie that the next one shares, and addresses that join some of them."""
    for i in range(first, last):
        for identifiers in (
            {"login": f"l{i}", "cookie": f"k{i // 2}"},
            {"email": f"e{i // 3}", "cookie": f"k{i // 2}"},
        ):
            event = {
                "event_id": f"e{i}",
                "occurred_at": f"2026-01-01T00:{i // 60:02}:{i % 60:02}Z",
                "identifiers": identifiers,
            }
            system.send([json.dumps(event).encode()])
    system.await_applied()


def facts(system):
    return account.said(rulefile.parse(RULES), account.log(system.settings), "default").facts


def publish_all(system, number):
    """A generation of all that is applied, as a batch would make it; returns what it hands on."""
    rules, minter = rulefile.parse(RULES), Minter(system.settings.id_key, "default")
    view, published = built(facts(system), rules, minter)
    live = int(system.redis.get(overlay.LIVE))
    reached = read_offsets(system.redis, live)
    offsets = {
        topic: {i: reached[overlay.partition_field(topic, i)] for i in range(PARTITIONS[topic])}
        for topic in LOG
    }
    fields = {"rules": RULES, "fingerprint": rules.fingerprint, "offsets": offsets}
    publish(system.settings.generations, entries(view), number, **fields)
    return published


def expected(system, published):
    minter = Minter(system.settings.id_key, "default")
    return account.customers(facts(system), rulefile.parse(RULES), minter, published)


class Asker(Thread):
    """Asks for the same people again and again, and counts whose customer is not the one that it was."""

    def __init__(self, view):
        super().__init__(daemon=True)
        self._view = view
        self._over = Event()
        self._known = self._ask()
        self.rounds = self.wrong = 0

    def _ask(self):
        questions = [(type_, f"{type_[0]}{i}") for i in range(20) for type_ in ("login", "email")]
        return [found.customer and found.customer.id for found in self._view.lookup(questions).found]

    def run(self):
        while not self._over.is_set():
            self.wrong += self._ask() != self._known
            self.rounds += 1

    def __enter__(self):
        assert None not in self._known
        self.start()
        return self

    def __exit__(self, *_):
        rounds = self.rounds
        until(lambda: self.rounds > rounds + 3, "some more answers")
        self._over.set()
        self.join(30)


def test_back_to_an_older_generation_and_on_again(system):
    system.start_worker()
    system.start_worker()
    told(system, 0, 60)
    first = publish_all(system, 1)
    system.await_generation(1)
    told(system, 60, 100)
    publish_all(system, 2)
    system.await_generation(2)
    told(system, 100, 120)
    ids = list(system.export())

    with Asker(system.view) as asker:
        done = ucid(system, "use", "1")
        assert done.returncode == 0, done.stderr
        assert "newest' lets them on" in done.stdout
        system.await_generation(1)
        system.await_applied()
    assert asker.wrong == 0
    assert system.export() == expected(system, first)
    # Also those that only generation 2 had published.
    assert [id_ for id_ in ids if system.view.customer(id_)[0] is None] == []
    until(lambda: not list(system.redis.scan_iter(match=overlay.view_prefix(2) + b"*")), "view 2 to go")

    # Held: a newer one that appears moves nobody.
    told(system, 120, 130)
    third = publish_all(system, 3)
    told(system, 130, 140)
    assert int(system.redis.get(overlay.LIVE)) == 1
    lines = [json.loads(line) for line in ucid(system, "list", "--json", "--verify").stdout.splitlines()]
    assert [(line["generation"], line["readers"], line["held"]) for line in lines] == [
        (0, False, False), (1, True, True), (2, False, False), (3, False, False),
    ]  # fmt: skip
    with Asker(system.view) as asker:
        assert ucid(system, "use", "newest").returncode == 0
        system.await_generation(3)
    assert asker.wrong == 0
    assert system.export() == expected(system, third)


def test_a_mind_that_is_changed_half_way_leaves_nothing_behind(system):
    for number in ("1", "2", "1", "3"):
        assert ucid(system, "use", number).returncode == 0
    until(
        lambda: {key.split(b":")[2] for key in system.redis.scan_iter(match=overlay.ROOT + b"v*")} == {b"v3"},
        "the other views to go",
    )
    assert ucid(system, "use", "newest").returncode == 0
    system.await_generation(3)


@pytest.mark.parametrize("named", ["7", "-1", "latest"])
def test_only_what_is_there_can_be_used(system, named):
    done = ucid(system, "use", "--", named)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"no generation {named}" in done.stderr
    assert "0, 1, 2, 3" in done.stderr


def test_a_damaged_one_is_refused(system):
    shard = path_of(system.settings.generations, 2) / "shard-0000.mdb"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = ucid(system, "use", "2")
    assert done.returncode == 2
    assert "differs from its checksum" in done.stderr
    shard.write_bytes(whole)


def test_one_that_kafka_has_forgotten_the_rest_of_is_refused(system):
    admin = AdminClient({"bootstrap.servers": system.settings.kafka})
    _, end = system.consumer.get_watermark_offsets(TopicPartition(WEB, 0), timeout=10)
    for future in admin.delete_records([TopicPartition(WEB, 0, end)]).values():
        future.result()
    done = ucid(system, "use", "1")
    assert done.returncode == 2
    assert "would be missing" in done.stderr
    assert ucid(system, "use", "newest").returncode == 0
