"""The purge of bronze, which dies on its way: no byte of the erased is left then, and all of the others."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from batch_layer import delta, purge
from batch_layer.purge import Purge
from batch_layer.sources.importing import staging
from batch_layer.tables import TABLES
from identity import Observer, rulefile
from identity.tombstones import Tombstones
from tests.erasing.needles import PLAIN
from tests.erasing.people import RULES, Person, SlowSource, needles_of, struck
from tests.erasing.stores import files
from tests.faults.form import times

KEY = b"k" * 32
BRONZE = ("bronze/events", "bronze/records", "bronze/rejects")
T = 2_000_000_000_000_000  # when they are erased, in microseconds

pytestmark = pytest.mark.slow


class Killed(Exception):
    """What a purge dies of here."""


@pytest.fixture
def gone():
    return [Person() for _ in range(20)]


@pytest.fixture
def stay():
    return [Person() for _ in range(5)]


@pytest.fixture
def log(gone, stay):
    """All messages, as rows of bronze."""
    said = [message for person in gone + stay for message in person.messages()]
    random.Random(7).shuffle(said)
    day = datetime.fromtimestamp(T / 1e6, UTC).date()
    return [
        (topic, 0, i, T - 1, None if i % 2 else value, bytearray(value), day)
        for i, (topic, value) in enumerate(said)
    ]


@pytest.fixture
def root(spark, tmp_path, gone, stay, log):
    """A Delta root that knows them all from everywhere."""
    root = tmp_path / "delta"
    delta.append(
        spark, root, "bronze/events", spark.createDataFrame(log, TABLES["bronze/events"].ddl).repartition(2)
    )
    records = [person.record() for person in gone + stay]
    refused = [(person.card, *person.record()[1:4], "never", person.town) for person in gone + stay]
    refused = [(f"{row[0]}x", *row[1:]) for row in refused]
    SlowSource(spark, root, tmp_path).load(records + refused)
    staging(root).mkdir()
    (staging(root) / "export.csv").write_text(",".join(gone[0].record()))  # of an import that was killed
    return root


def tombstones_of(people):
    tombstones = Tombstones(KEY)
    tombstones.add([tombstones.digest(x) for person in people for x in map(tuple, person.identifiers)], T)
    return {"default": tombstones}


def naming(root, people):
    """Table -> how many of these it names in plain words."""
    needles = needles_of(KEY, people)
    found = {
        name: {person for text in files(root / name) for person in needles.found(text).get(PLAIN, ())}
        for name in (*BRONZE, "bronze/.staging")
    }
    return {name: len(people) for name, people in found.items() if people}


def dying(monkeypatch, at):
    """Have a purge die before the step with this number."""
    left = iter(range(at))

    def or_die(step):
        def taken(*args):
            if next(left, None) is None:
                raise Killed
            return step(*args)

        return taken

    monkeypatch.setattr(purge, "vacuum", or_die(purge.vacuum))
    monkeypatch.setattr(Purge, "_delete", or_die(Purge._delete))


def test_it_goes_on_where_it_was_killed(spark, monkeypatch, root, gone, stay, log):
    assert naming(root, gone) == dict.fromkeys(BRONZE, 20) | {"bronze/.staging": 1}
    erased = tombstones_of(gone)
    values = {"default": sorted({value for person in gone for _, value in person.identifiers})}

    def purged():
        return Purge(spark, root, rulefile.parse(RULES), erased, values, since=0).run()

    for at in times((0, 3), (0, 2, 4)):
        with monkeypatch.context() as patch:
            dying(patch, at)
            with pytest.raises(Killed):
                purged()
    purged()
    assert naming(root, gone) == {}
    assert naming(root, stay) == dict.fromkeys(BRONZE, 5)

    observer = Observer(rulefile.parse(RULES))
    left = {
        (topic, i): struck(topic, bytes(value), at, observer, erased, values)
        for topic, _, i, at, _, value, _ in log
    }
    found = delta.read(spark, root, "bronze/events").collect()
    assert {(row.topic, row.offset): bytes(row.value) for row in found} == left
    for name in BRONZE[1:]:
        rows = delta.read(spark, root, name).collect()
        assert Counter(row.record.removesuffix("x") for row in rows) == {person.card: 1 for person in stay}
