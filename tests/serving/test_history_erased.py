"""The history of a server, once somebody in it is erased: no hash of him is left, nor in its file."""

import sqlite3
from contextlib import closing

import pytest

from deploy.following import without
from identity import Identifier
from identity.tombstones import Tombstones
from schemas import CustomerChange, Decision
from schemas import Identifier as Named
from schemas.records import identifier_digest
from serving_layer.history import History

ANN, TOM = Identifier("login", "ann"), Identifier("login", "tom")
T = 1_000_000


def change(number, *whom, at=T, tenant="default"):
    return CustomerChange(
        change_id=f"{tenant}.{number}",
        tenant=tenant,
        kind="created",
        at=at,
        customer_id="c_1",
        identifiers=[Named(*x) for x in whom],
        version=number,
        generation=1,
    )


def decision(number, a, b, at=T):
    ends = {"a": Named(*a), "b": Named(*b)}
    return Decision(decision_id=f"d{number}", decided_at=at, verdict="must_link", why="is Ann", **ends), a, b


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def history(path):
    mail = Identifier("email", "tom@example.org")
    history = History(path)
    history.take(
        [change(1, ANN, TOM), change(2, ANN, at=T + 1), change(3, ANN, tenant="other")],
        [decision(1, ANN, TOM), decision(2, mail, TOM), decision(3, TOM, ANN, at=T + 1)],
        {},
    )
    return history


def told(history, tenant="default"):
    return [each.identifiers for each in history.of(tenant, "c_1")]


def test_what_was_told_up_to_the_erasure_is_told_without_them(history):
    history.forget("default", {ANN: T})
    ann, tom = map(identifier_digest, (ANN, TOM))
    assert told(history) == [[tom], [ann]]
    assert told(history, "other") == [[ann]]
    assert [word.decision_id for word in history.decisions("default", ANN, TOM)] == ["d3"]


def test_not_a_byte_is_left_in_its_file(history, path):
    digest = identifier_digest(ANN)
    assert digest in path.read_bytes()
    assert b"is Ann" in path.read_bytes()
    for tenant in ("default", "other"):
        history.forget(tenant, {ANN: T + 1})
    history.forget("default", {TOM: T + 1})
    assert digest not in path.read_bytes()
    assert b"is Ann" not in path.read_bytes()


def test_nor_when_somebody_read_meanwhile(history, path):
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM ends").fetchall()
        history.forget("default", {ANN: T + 1, TOM: T + 1})
        history.forget("other", {ANN: T + 1})
        assert not history.settle()
    assert history.settle()
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert identifier_digest(ANN) not in left
    assert b"is Ann" not in left


def test_a_replay_of_the_changes_does_not_bring_them_back():
    tombstones = Tombstones(b"k" * 32)
    tombstones.add([tombstones.digest(ANN)], T)
    assert without(change(1, ANN, TOM), tombstones).identifiers == [Named(*TOM)]
    assert without(change(1, ANN, at=T + 1), tombstones).identifiers == [Named(*ANN)]
