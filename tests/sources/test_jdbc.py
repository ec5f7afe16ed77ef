"""A database's table, read from a watermark on: a real PostgreSQL."""

import pytest

from batch_layer.sources.errors import Unreadable
from benchmarks.speed.errors import LeftOut
from benchmarks.speed.postgres_server import USER, connect, postgres
from deploy.local.ports import free_port

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DEFINITION = """
source: billing
format: jdbc
options: {{url: "jdbc:postgresql://127.0.0.1:{port}/postgres", dbtable: accounts, user: {user}}}
watermark: updated
record_id: "no"
changed_at: updated
deleted: {{column: closed, values: [yes]}}
identifiers: {{account: "b-{{no}}", email: mails}}
attributes: {{born: born, debt: debt}}
columns: {{debt: {{min: 0, type: "decimal(12,2)"}}}}
stop_when: {{rejected: 50%}}
"""


@pytest.fixture(scope="module")
def database():
    port = free_port("127.0.0.1")
    try:
        with postgres(port) as home, connect(home, port) as connection:
            connection.execute(
                "CREATE TABLE accounts (no bigint PRIMARY KEY, mails text[], born date, debt numeric, "
                "closed boolean, updated timestamptz)"
            )
            yield connection, port
    except LeftOut as reason:
        pytest.skip(f"PostgreSQL: {reason}")


def test_only_what_is_new_is_read_and_nothing_twice(desk, database):
    connection, port = database
    source = desk.source(DEFINITION.format(port=port, user=USER))
    connection.execute(
        "INSERT INTO accounts VALUES (1, '{a@x,b@x}', '1971-06-24', 12.50, false, '2026-01-01T10:00Z'), "
        "(2, '{c@x}', NULL, 0, false, '2026-01-02T10:00Z'), (3, NULL, NULL, NULL, false, '2026-01-02T10:00Z')"
    )
    (first,) = desk.load(source)
    assert (first.read, first.totals["new"]) == (3, 3)
    assert desk.standing() == {
        "1": ({"account": ["b-1"], "email": ["a@x", "b@x"]}, {"born": "1971-06-24", "debt": "12.5"}),
        "2": ({"account": ["b-2"], "email": ["c@x"]}, {"debt": "0"}),
        "3": ({"account": ["b-3"]}, {}),
    }
    # One that was committed late, at the watermark itself; one changed, one closed, one that is wrong.
    connection.execute("INSERT INTO accounts VALUES (4, NULL, NULL, 1, false, '2026-01-02T10:00Z')")
    connection.execute("UPDATE accounts SET debt = 7, updated = '2026-01-03T10:00Z' WHERE no = 1")
    connection.execute(
        "UPDATE accounts SET closed = true, debt = -1, updated = '2026-01-03T11:00Z' WHERE no = 2"
    )
    connection.execute("INSERT INTO accounts VALUES (5, NULL, NULL, -1, false, '2026-01-03T12:00Z')")
    (second,) = desk.load(source)
    assert second.read == 5, "the three at or after the watermark of old, and two that are new"
    counts = ("new", "replaced", "unchanged", "ended", "rejected")
    assert [second.totals[name] for name in counts] == [1, 1, 1, 1, 1]
    assert desk.rejects() == {("5", "debt", "range")}
    assert set(desk.standing()) == {"1", "3", "4"}
    (third,) = desk.load(source)
    assert (third.read, third.stopped) == (0, None), "what was rejected was told, and is not told again"
    connection.execute("UPDATE accounts SET debt = 5 WHERE no = 5")
    (fourth,) = desk.load(source)
    assert (fourth.read, fourth.totals["new"]) == (1, 1), "mended without a new time, it is still found"


def test_a_database_that_does_not_answer_is_told_without_its_secrets(desk, database):
    del database
    text = DEFINITION.format(port=free_port("127.0.0.1"), user="somebody")
    with pytest.raises(
        Unreadable, match=r"^the table: cannot be read as jdbc.*that the database answers"
    ) as caught:
        desk.load(desk.source(text))
    assert "somebody" not in str(caught.value)
    assert desk.last == 0
