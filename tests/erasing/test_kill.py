"""Kill -9 while a run erases: nobody returns, and the next run comes to what an untroubled one does."""

import random
import signal
import subprocess
import sys
import time

import pytest
from deltalake import DeltaTable

from deploy.awaiting import until
from deploy.sending import send
from identity import Identifier, Observer, rulefile
from identity.tombstones import Tombstones
from schemas import ERASURES, encode
from schemas.generation import path_of
from schemas.ledger import asked_for
from tests.erasing.needles import PLAIN
from tests.erasing.people import Person, needles_of, struck
from tests.erasing.stores import files
from tests.faults import account
from tests.faults.form import times

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.minutes]

KILLS = times(3, 50)
# Seconds that a run takes to erase, or a little more.
LONGEST_S = 12.0


def batch(ground, scratch, seconds=None):
    """A run; one that is to die does so many seconds after it has begun to erase."""
    when = ("never", "0") if seconds is None else ("erasing", str(seconds))
    command = [sys.executable, "-m", "tests.faults.dying", *when]
    env = ground.env | {"SPARK_LOCAL_DIRS": str(scratch)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def naming(needles, *roots):
    return {person for text in files(*roots) for person in needles.found(text).get(PLAIN, ())}


def test_a_run_that_is_killed_while_it_erases(ground, tmp_path):
    rng, settings, scratch = random.Random(7), ground.settings, tmp_path / "scratch"
    scratch.mkdir()
    gone, stay = [Person() for _ in range(20)], [Person() for _ in range(20)]
    ground.give([message for person in gone + stay for message in person.messages()])
    done = batch(ground, scratch)
    assert done.returncode == 0, done.stderr
    ground.start_worker()
    ground.await_generation(1)
    needles, bronze = needles_of(settings.id_key, gone), settings.delta / "bronze"
    assert len(naming(needles, bronze)) == len(gone)

    found = ground.view.lookup([("login", person.login) for person in gone]).found
    whom = [Identifier(*x) for each in found for x in each.customer.members]
    _, messages = asked_for("default", whom, "a test", time.time_ns() // 1_000)
    for message in messages:
        send(ground.producer, ERASURES, [encode(message)], message.erasure_id.encode())

    def known(people):
        found = ground.view.lookup([x for person in people for x in person.identifiers]).found
        return sum(each.customer is not None for each in found)

    until(lambda: not known(gone), "the worker to erase them")
    before = ground.export()
    log = account.log(settings)
    for _ in range(KILLS):
        killed = batch(ground, scratch, rng.uniform(0, LONGEST_S))
        assert killed.returncode in {-signal.SIGKILL, 0}, killed.stderr
        # The JVM that is left alone ends, and takes its shuffles with it.
        until(lambda: not any(scratch.iterdir()), "Spark's scratch files to go")
        assert known(gone) == 0
    done = batch(ground, scratch)
    assert done.returncode == 0, done.stderr
    number = int(done.stdout.split()[-1])
    ground.await_generation(number)
    assert ground.export() == before
    assert naming(needles, bronze, path_of(settings.generations, number)) == set()

    tombstones, observer = Tombstones(settings.id_key), Observer(rulefile.parse(ground.rules))
    tombstones.add(map(tombstones.digest, whom), 2**62)
    values = {"default": sorted({x.value for x in whom})}

    def purged(kept):
        return struck(kept.topic, kept.value, kept.ingested_at, observer, {"default": tombstones}, values)

    landed = DeltaTable(bronze / "events").to_pyarrow_table(columns=["topic", "partition", "offset", "value"])
    assert {tuple(row.values())[:3]: row["value"] for row in landed.to_pylist()} == {
        kept[:3]: purged(kept) for kept in log
    }
