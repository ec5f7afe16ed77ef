"""People are erased from a whole system; then every store is read, byte by byte, and ways back are tried."""

import os
import shutil
import time

import pytest

from batch_layer.maintenance import vacuum
from batch_layer.run import run
from batch_layer.tables import TABLES
from deploy.awaiting import until
from schemas import CHANGES, CONSENTS, DEAD_LETTERS, DECISIONS, EMAIL, ERASURES, WEB
from schemas.generation import numbers, path_of
from tests.erasing.needles import PLAIN, SEAL, TOMBSTONE
from tests.erasing.people import Person, SlowSource, needles_of
from tests.erasing.stores import entries, history, named, scan, unpacked
from tests.faults.form import times
from tests.faults.web import TOGETHER, Web
from tests.integration.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.minutes]

GONE, STAY = times(20, 1_000), 20

TOPICS = {WEB, EMAIL, CONSENTS, DECISIONS, CHANGES, DEAD_LETTERS}
HISTORY = {
    *("gold/consents", "gold/homes", "gold/identifiers", "gold/ids", "gold/profiles"),
    *("silver/claims", "silver/consents", "silver/links", "silver/seen"),
}
BRONZE = {"bronze/events", "bronze/records", "bronze/rejects"}
KNOW_ALL = TOPICS | HISTORY | BRONZE | {"generation 1", "history", "redis", "redis' files"}

# Kept, and nothing to who lacks the key: an act that was noted, an id that is taken, the end of a decision.
KEYED = {"audit log": SEAL, "gold/ids": TOMBSTONE, "bronze/events": TOMBSTONE, ERASURES: TOMBSTONE}


def line_of(store):
    """The line of a receipt that speaks of a store."""
    if store in HISTORY:
        return "history of silver and gold tables"
    if store in BRONZE:
        return "bronze tables"
    return {"redis' files": "redis"}.get(store) or ("older generations" if "generation " in store else store)


class World:
    """A running system, those who are to go, and those who stay."""

    def __init__(self, ground, job, source):
        self.ground, self.job, self.source = ground, job, source
        self.web = Web(ground, "erase")
        self.gone, self.stay = [Person() for _ in range(GONE)], [Person() for _ in range(STAY)]
        self.needles = needles_of(ground.settings.id_key, self.gone)

    def say(self):
        """What all of them do."""
        self.ground.give([message for each in self.gone + self.stay for message in each.messages()])

    def run(self):
        """`ucid batch`, until readers stand on what it made; returns its number."""
        number = run(self.job).generation
        self.ground.await_generation(number)
        return number

    def known(self, people, ask=None):
        """How many identifiers of some people lead to a customer."""
        them = [x for each in people for x in each.identifiers]
        ask = ask or (lambda some: self.web.ask(some)["results"])
        answers = (ask(them[i : i + TOGETHER]) for i in range(0, len(them), TOGETHER))
        return sum(result is not None for some in answers for result in some)

    def erase(self):
        """Over HTTP; returns the last receipt, once answers know nobody."""
        receipts = [self.web.post("/v1/erasures", {"type": "login", "value": p.login}) for p in self.gone]
        until(lambda: not self.known(self.gone), "the worker to erase them", 60.0)
        until(lambda: not named(history(self.ground), self.needles), "the server's history to forget them")
        return receipts[-1]

    def waiting(self, receipt):
        """The lines of a receipt that are not done."""
        stores = self.web.post("/v1/erasures/receipt", receipt)["stores"]
        return {store["store"] for store in stores if not store["done"]}

    def naming(self):
        """The stores that name somebody who is gone, other than by what is kept; and in which forms."""
        found = {
            store: set(forms) - {KEYED.get(store)} for store, forms in scan(self.ground, self.needles).items()
        }
        return {store: forms for store, forms in found.items() if forms}


@pytest.fixture(scope="module")
def world(ground, job, spark, tmp_path_factory):
    world = World(ground, job, SlowSource(spark, ground.settings.delta, tmp_path_factory.mktemp("exports")))
    unpacked(ground.redis)
    ground.start_worker()
    world.say()
    records = [each.record() for each in world.gone + world.stay]
    refused = [(f"{each.card}x", *each.record()[1:4], "never", each.town) for each in world.gone]
    assert world.source.load(records + refused).rejected == GONE
    world.run()
    world.say()
    ground.await_applied()
    world.web.start()
    yield world
    world.web.stop()


@pytest.fixture(scope="module")
def backup(world, tmp_path_factory):
    """The tables and generations from before."""
    root = tmp_path_factory.mktemp("backup")
    shutil.copytree(world.ground.settings.delta, root / "delta")
    shutil.copytree(world.ground.settings.generations, root / "generations")
    return root


@pytest.fixture(scope="module")
def receipt(world, backup):  # noqa: ARG001 - what is saved is saved before
    until(lambda: naming_all(world) >= KNOW_ALL, "every store to know all of them")
    return world.erase()


def naming_all(world):
    """The stores that name every one of them, in plain words."""
    found = scan(world.ground, world.needles)
    return {store for store, forms in found.items() if len(forms.get(PLAIN, ())) == GONE}


def test_no_store_names_them_but_those_that_the_receipt_says(world, receipt):
    assert world.known(world.stay) == len(world.stay) * 4
    world.run()
    until(lambda: "redis" not in world.waiting(receipt), "Redis to write its file anew")
    found, waiting = world.naming(), world.waiting(receipt)
    assert {line_of(store) for store in found} <= waiting
    assert not BRONZE & set(found)
    world.run()
    assert len(numbers(world.ground.settings.generations)) == 2
    found, waiting = world.naming(), world.waiting(receipt)
    assert {line_of(store) for store in found} <= waiting
    assert set(found) == TOPICS | HISTORY | {ERASURES}
    assert world.known(world.stay) == len(world.stay) * 4


def test_a_late_file_does_not_bring_them_back(world, receipt):  # noqa: ARG001 - they are erased
    late = [(*each.record()[:3], f"{each.surname} jr", *each.record()[4:]) for each in world.gone]
    assert world.source.load(late).read == GONE
    assert "bronze/records" in world.naming()
    world.run()
    assert world.known(world.gone) == 0
    assert "bronze/records" not in world.naming()


def test_a_replay_of_the_topics_from_their_beginning_does_not(world, receipt, tmp_path):  # noqa: ARG001
    """A second system on the same Kafka, which knows nothing yet."""
    again = {"UCID_REDIS": world.ground.env["UCID_REDIS"][:-1] + "1"}
    again["UCID_GENERATIONS"] = str(tmp_path / "generations")
    replay = System(world.ground.env | again, world.ground.rules)
    try:
        world.ground.stop_workers()  # both would be of one group
        replay.start_worker()
        replay.await_applied()

        def ask(some):
            return [found.customer for found in replay.view.lookup(some).found]

        # Their cards came from a slow source.
        assert world.known(world.stay, ask) == len(world.stay) * 3
        assert world.known(world.gone, ask) == 0
        assert not [1 for entry in entries(replay.redis) if PLAIN in world.needles.found(entry)]
    finally:
        replay.close()
        world.ground.start_worker()


def test_what_waits_for_the_history_of_tables_goes_with_it(world, receipt, spark):
    """As the daily clean-up does it: files first, and on another day the log that tells of them."""
    settings = world.ground.settings
    days_ago = time.time() - 5 * 86_400
    for number in numbers(settings.generations):
        os.utime(path_of(settings.generations, number) / "manifest.json", (days_ago, days_ago))
    line = line_of("gold/ids")
    for name in (name for name in TABLES if (settings.delta / name).exists()):
        vacuum(spark, settings.delta, name, 0)
    assert line in world.waiting(receipt), "the log of the tables has their smallest and largest values"
    for name in (name for name in TABLES if (settings.delta / name).exists()):
        for file in (settings.delta / name / "_delta_log").iterdir():
            os.utime(file, (days_ago, days_ago))
        vacuum(spark, settings.delta, name, 0)
    assert line not in world.waiting(receipt)
    assert not HISTORY & set(world.naming())


def test_a_backup_of_tables_and_generation_does_not(world, receipt, backup):  # noqa: ARG001
    """All that is on disk is as it was before they were erased, and Redis is lost."""
    settings = world.ground.settings
    world.ground.stop_workers()
    world.web.stop()
    for there, kept in ((settings.delta, "delta"), (settings.generations, "generations")):
        shutil.rmtree(there)
        shutil.copytree(backup / kept, there)
    world.ground.redis.flushall()
    assert {"generation 1", "bronze/events"} <= set(world.naming())
    worker = world.ground.start_worker()
    refused = world.ground.log_of(worker)
    until(lambda: b"was put back" in refused.read_bytes(), "the worker to refuse what has them")
    number = run(world.job).generation
    world.web.start()
    world.ground.await_generation(number)
    world.ground.await_applied()
    assert world.known(world.gone) == 0
    assert world.known(world.stay) == len(world.stay) * 4
