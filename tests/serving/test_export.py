"""All customers, from a view and from the command: every identifier exactly once."""

import json
import os
import subprocess
import sys

import pytest

from identity import Verdict
from tests.serving.world import ANN, HOT, TOM, identifiers


@pytest.fixture
def mixed(world):
    """Customers of the generation, of the stream, of both, merged, split, and one that turned hot."""
    events = [
        {**TOM, "cookie": "a"},
        {"login": "eve", "email": "visitor0@example.com"},
        {"cookie": "lone"},
        *[{"cookie": "hall", "email": f"visitor{i}@example.com"} for i in range(4)],
    ]
    world.apply(*events)
    world.decide(("login", "ann"), ("email", "ann@example.com"), Verdict.CANNOT)
    return world


@pytest.mark.usefixtures("mixed")
def test_every_identifier_exactly_once(view):
    customers = list(view.customers())
    members = [member for customer in customers for member in customer.members]
    assert len(members) == len(set(members))
    seen = set().union(
        *map(identifiers, (TOM, ANN, *HOT, {"cookie": "a"}, {"cookie": "lone"}, {"login": "eve"}))
    )
    assert set(members) == {x for x in seen if x.value not in {"kiosk", "hall"}}
    assert len({customer.id for customer in customers}) == len(customers)


@pytest.mark.usefixtures("mixed")
def test_an_export_is_what_lookups_say(view):
    customers = list(view.customers())
    questions = [tuple(member) for customer in customers for member in customer.members]
    assert [found.customer for found in view.lookup(questions).found] == [
        customer for customer in customers for _ in customer.members
    ]


def test_an_export_is_of_the_live_generation(mixed, view):
    assert len(list(view.customers())) > 1
    mixed.publish(TOM, number=2)
    mixed.go_live()
    assert [set(customer.members) for customer in view.customers()] == [identifiers(TOM)]


def ucid(server, world, *arguments):
    env = {
        **os.environ,
        "UCID_REDIS": server.url,
        "UCID_GENERATIONS": str(world.root),
        "UCID_DELTA": str(world.root),
        "UCID_KAFKA": "127.0.0.1:9",
        "UCID_ID_KEY": "k" * 32,
        "UCID_HISTORY": str(world.root / "history"),
        "UCID_AUDIT": str(world.root / "audit"),
        "UCID_AUDIT_ANCHORS": str(world.root / "anchors"),
    }
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments], env=env, capture_output=True, check=False
    )


def test_the_export_command_prints_a_customer_a_line(server, mixed, view):
    done = ucid(server, mixed, "export", "customers")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(map(json.loads, done.stdout.splitlines()), key=str) == sorted(
        (
            {
                "customer_id": customer.id,
                "identifiers": [{"type": type_, "value": value} for type_, value in customer.members],
            }
            for customer in view.customers()
        ),
        key=str,
    )


def test_the_lookup_command(server, mixed, view):
    done = ucid(server, mixed, "lookup", "email=TOM@example.com", "login=nobody", "cookie=hall")
    found, unknown, hot = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0
    customer = view.lookup([("login", "tom")]).found[0].customer
    assert (found["type"], found["value"]) == ("email", "tom@example.com")
    assert found["customer_id"] == customer.id
    assert found["certainty"] == 1.0
    assert unknown == {"type": "login", "value": "nobody", "customer_id": None, "reason": "unknown"}
    assert hot["reason"].startswith("hot: ")


def test_the_lookup_command_says_by_its_exit_code_that_nobody_is_known(server, mixed):
    done = ucid(server, mixed, "lookup", "login=nobody")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    done = ucid(server, mixed, "lookup", "card=4111")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"identifier type 'card': add it to the rules" in done.stderr
    assert b"4111" not in done.stderr
