"""A person is erased: out of answers at once, out of files and tables with the next run, back by no way."""

import base64
import gzip
import json
import shutil
import time
from datetime import date

import pytest
from pyarrow import parquet

from batch_layer import erasures
from batch_layer.erasures import settled
from batch_layer.mentions import messages, records
from batch_layer.run import run
from batch_layer.tables import TABLES
from deploy.access import everything
from deploy.awaiting import until
from deploy.bootstrap import settle
from deploy.receipts import receipt
from deploy.sending import send
from identity import Minter, rulefile
from identity.identifier import Identifier
from schemas import ERASURES, WEB, encode
from schemas.concerning import Person
from schemas.generation import open_generation, path_of
from schemas.ledger import asked_for
from schemas.records import tenant_prefix
from serving_layer.history import History
from serving_layer.view import ServingView

RULES = """
version: 1
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, normalise: email, max: 5}
  cookie: {rank: 9, max: 20}
"""

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.minutes]

PEOPLE = 30
NOTE = {"note": "gone-3@Example.org"}
WORD = ("ads", "", "", "", "granted", 1_767_225_600_000_000, None, None, "form-7")
GONE = [f"gone-{i}" for i in range(0, PEOPLE, 3)]


def event(i, **identifiers):
    line = {"event_id": f"e{i}", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": identifiers}
    return json.dumps(line | {"properties": {"note": identifiers.get("email", "")}}).encode()


def name(i):
    return f"gone-{i}" if i % 3 == 0 else f"stay-{i}"


def events():
    """Each has a login, an address and a cookie; one cookie is everybody's."""
    for i in range(PEOPLE):
        yield event(3 * i, login=name(i), email=f"{name(i)}@Example.org", cookie=f"ck-{name(i)}")
        yield event(3 * i + 1, login=name(i), cookie="kiosk")
        yield event(3 * i + 2, email=f"{name(i)}@example.org")


def erase(system, login):
    """As `ucid erase` does."""
    (found,) = system.view.lookup([("login", login)]).found
    receipt, messages = asked_for("default", found.customer.members, "a test", time.time_ns() // 1_000)
    for message in messages:
        send(system.producer, ERASURES, [encode(message)], message.erasure_id.encode())
    return receipt


def forms(settings):
    """How a store might still say who they are."""
    for gone in GONE:
        yield gone.encode()
        for shift in range(3):  # wherever it falls in a text that is encoded as a whole
            yield base64.b64encode(b"x" * shift + gone.encode())[4 if shift else 0 : -4]
        minter = Minter(settings.id_key)
        yield minter.mint(Identifier("login", gone), 0).encode()


def texts(root):
    """The bytes of each file, as they are and unpacked."""
    for path in root.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
            if path.suffix == ".gz":
                yield path, gzip.decompress(path.read_bytes())
            if path.suffix == ".parquet":
                for row in parquet.read_table(path, partitioning=None).to_pylist():
                    for value in row.values():
                        yield path, value if isinstance(value, bytes) else repr(value).encode()


def stored_requests(system):
    """How many erasures still name people, by the log's last word on each."""
    settings = system.settings
    return len(erasures.read(settings.kafka, {}, settings.id_key).requests)


def naming(system, root):
    """The files below `root` that name somebody who is gone."""
    wanted = list(forms(system.settings))
    return sorted({path for path, data in texts(root) if any(form in data for form in wanted)})


def records_naming(system, generation):
    """The same of a generation's records, unpacked."""
    wanted = list(forms(system.settings))
    return [
        kind
        for kind in (b"n", b"c", b"e", b"i")
        for _, record in generation.scan(tenant_prefix(kind, "default"))
        if any(form in record for form in wanted)
    ]


def person(system, job, login):
    """As `ucid export person` does."""
    (found,) = system.view.lookup([("login", login)]).found
    history = History(system.settings.delta.parent / "history")
    return everything(system.view, "default", found.customer, history, lambda: job)


def told_of_records(spark, whom):
    """What is told of some versions of records: one of theirs, one with somebody else, one of others."""
    rows = [
        (1, tenant, "crm", record, 5, 9, None, "", {"login": logins}, {"town": "Ely"}, [WORD])
        for tenant, record, logins in [
            ("default", "r1", ["gone-3"]),
            ("default", "r2", ["gone-3", "stay-1"]),
            ("default", "r3", ["stay-1"]),
            ("other", "r4", ["gone-3"]),
        ]
    ]
    frame = spark.createDataFrame(rows, TABLES["bronze/records"].ddl)
    found = records(frame, rulefile.parse(RULES), whom).orderBy("record").collect()
    return [(row.record, json.loads(row.said), row.others_left_out) for row in found]


def places_of_unreadable(spark, whom):
    """Where what is no event has a value of theirs; nothing is told of what it says."""
    texts = [b'{"oops": "GONE-3 and stay-1"', b'{"oops": "stay-1"', None]
    rows = [(WEB, 0, i, 9, None, value, date(2026, 1, 1)) for i, value in enumerate(texts)]
    frame = spark.createDataFrame(rows, TABLES["bronze/events"].ddl)
    return [(row.offset, row.said) for row in messages(frame, rulefile.parse(RULES), whom).collect()]


def only_their_own_is_told(system, job):
    """Everything about one: of the kiosk's cookie, which many share, it does not speak."""
    told = person(system, job, "gone-3")
    found = sorted(told["messages"], key=lambda message: int(message["said"]["event_id"][1:]))
    said = [message["said"] for message in found]
    assert [(line["event_id"], line["identifiers"], line["properties"]) for line in said] == [
        ("e9", {"login": ["gone-3"], "email": ["gone-3@Example.org"], "cookie": ["ck-gone-3"]}, NOTE),
        ("e10", {"login": ["gone-3"]}, {}),
        ("e11", {"email": ["gone-3@example.org"]}, {"note": "gone-3@example.org"}),
    ]
    assert [message["others_left_out"] for message in found] == [False, True, False]
    assert sum(told["landed"]["offsets"].values()) == 3 * PEOPLE
    assert not any(name(i) in json.dumps(told) for i in range(PEOPLE) if i != 3)
    whom = Person("default", frozenset({Identifier("login", "gone-3")}))
    assert places_of_unreadable(job.spark, whom) == [(0, None)]
    named = {"identifiers": {"login": ["gone-3"]}}
    word = {"purpose": "ads", "status": "granted", "stated_at": "2026-01-01T00:00:00Z"}
    assert told_of_records(job.spark, whom) == [
        ("r1", {**named, "attributes": {"town": "Ely"}, "consents": [word | {"proof": "form-7"}]}, False),
        ("r2", {**named, "attributes": {}, "consents": [word]}, True),
    ]


def who_comes_again_is_new(system, job, before):
    """And is told nothing that was somebody else's before."""
    system.send([event(901, login="gone-0", email="gone-0@example.org")])
    system.await_applied()
    (found,) = system.view.lookup([("login", "gone-0")]).found
    assert found.customer.id not in before
    assert set(found.customer.members) == {("login", "gone-0"), ("email", "gone-0@example.org")}
    # The backup still has the messages of before.
    assert naming(system, system.settings.delta / "bronze") != []
    assert person(system, job, "gone-0")["messages"] == []


def test_a_person_is_gone_and_nothing_brings_them_back(system, job, tmp_path):
    settings = system.settings
    system.send(list(events()))
    run(job)
    system.start_worker()
    system.await_generation(1)
    system.send([event(900, login="gone-0", cookie="late")])
    system.await_applied()
    before = system.export()
    assert any(("cookie", "late") in members for members in before.values())
    only_their_own_is_told(system, job)
    backup = tmp_path / "backup"
    shutil.copytree(settings.delta, backup)

    for gone in GONE:
        asked = erase(system, gone)
    everything = [("login", gone) for gone in GONE] + [("email", f"{gone}@example.org") for gone in GONE]

    def is_gone(view):
        return all(found.customer is None for found in view.lookup(everything).found)

    until(lambda: is_gone(system.view), "the speed layer to erase them", 5.0)
    stayed = {id_: members for id_, members in before.items() if not any("gone-" in v for _, v in members)}
    assert stayed.items() <= system.export().items()

    manifest = run(job)
    system.await_generation(manifest.generation)
    assert is_gone(system.view)
    assert manifest.erased > 0
    assert records_naming(system, open_generation(settings.generations, 1))
    assert records_naming(system, open_generation(settings.generations, manifest.generation)) == []
    assert naming(system, path_of(settings.generations, manifest.generation)) == []
    assert naming(system, settings.delta / "bronze") == []

    def stores():
        return {store.store: store for store in receipt(settings, "default", asked)}

    until(lambda: stores()["redis"].done, "Redis to write its file anew")
    done = {name for name, store in stores().items() if store.done}
    assert done == {"answers", "newest generation", "bronze tables", "redis"}
    assert stores()["older generations"].waits_for.startswith("2 to be dropped")
    assert stored_requests(system) == len(GONE)
    assert stayed.items() <= system.export().items()

    # Once nobody can go back to a generation that holds them, the log's last word names nobody.
    for number in (0, 1):
        shutil.rmtree(path_of(settings.generations, number))
    settle(settings, settled(job.ledger(), settings.generations))
    assert stored_requests(system) == 0
    assert stores()[ERASURES].waits_for == "the topic's compaction"
    assert stores()["older generations"].done

    # A backup of before comes back, and Redis is lost.
    shutil.rmtree(settings.delta / "bronze")
    shutil.copytree(backup / "bronze", settings.delta / "bronze")
    system.redis.flushall()
    again = run(job)
    system.await_generation(again.generation)
    system.await_applied()
    assert is_gone(system.view)
    assert is_gone(ServingView(system.redis, settings.generations, "default"))

    who_comes_again_is_new(system, job, before)
