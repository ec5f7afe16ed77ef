"""Everything about one person, from answers alone: as one object and as rows, audited, and of nobody else."""

import csv
import io
import json

import pytest

from deploy.access import everything, rows
from identity import Identifier, Link, Seen, Verdict
from identity.consent import Permission, Statement
from identity.graph import Edge, Node
from schemas import Unavailable, outcomes, overlay
from serving_layer.history import History
from serving_layer.person import links_json, person_json
from serving_layer.view import ServingView
from tests.graph.published import built, entries, publish
from tests.serving.test_export import ucid
from tests.serving.world import ANN, RULES, TOM, World, change, identifiers

LOGIN, MAIL, COOKIE = ("login", "tom"), ("email", "tom@example.com"), ("cookie", "7")
ALL_LISTS = ("identifiers", "links", "permissions", "outcomes", "history", "messages", "records")


@pytest.fixture
def tom(redis, tmp_path):
    """Tom has a cookie, said twice what he permits, had e-mails, and is kept apart from Ann."""
    world = World(redis, tmp_path / "generations", rules=RULES)
    view, _ = built(world.facts({**TOM, "cookie": "7"}, ANN), world.rules, world.minter)
    customer_id = next(node.customer for x, node in view._nodes.items() if x.value == "tom")
    word = Statement(3, False, source="shop", ingested_at=3)
    said = [(Identifier(*MAIL), Permission("ads"), word)]
    more = [(outcomes.customer_key("default", customer_id), outcomes.encode([("spring", {"sent_total": 2})]))]
    world.generation = publish(
        world.root,
        sorted(entries(view, "default", said) + more),
        rules=world.rules_text,
        fingerprint=world.rules.fingerprint,
    )
    world.go_live()
    world.state(MAIL, withdrawn=True)
    world.decide(MAIL, ("login", "ann"), Verdict.CANNOT)
    return world


@pytest.fixture
def told(view, tmp_path):
    (found,) = view.lookup([COOKIE]).found
    history = History(tmp_path / "history")
    history.take([change(1, customer_id=found.customer.id), change(3, customer_id="c_anns")], [], {})
    return everything(view, "default", found.customer, history, None)


@pytest.fixture
def view(tom):
    return ServingView(tom.redis, tom.root, "default")


def test_all_that_answers_know_of_the_person_and_of_nobody_else(told):
    assert {tuple(each["identifier"].values()) for each in told["identifiers"]} == {LOGIN, MAIL, COOKIE}
    assert {frozenset([tuple(link["a"].values()), tuple(link["b"].values())]) for link in told["links"]} == {
        frozenset([LOGIN, MAIL]),
        frozenset([LOGIN, COOKIE]),
        frozenset([MAIL, COOKIE]),
    }
    assert [word["status"] for word in told["permissions"]] == ["granted", "withdrawn"]
    assert told["permissions"][0]["source"] == "shop"
    assert told["outcomes"] == [{"campaign_id": "spring", "sent_total": 2}]
    assert [change["kind"] for change in told["history"]] == ["merged"]
    assert (told["messages"], told["records"], told["landed"]) == ([], [], None)
    assert '"ann' not in json.dumps(told)
    assert "c_anns" not in json.dumps(told)


def test_each_link_is_told_once_and_whether_it_lives():
    a, b, c = (Identifier("cookie", value) for value in "abc")
    seen, link = Seen(1, 2, 3), Link(1, 2, 3)
    both, one = Edge(link, mine=True, theirs=True), Edge(link, mine=True)
    nodes = {
        a: Node(a, seen, {b: both, c: one, Identifier("cookie", "anns"): both}),
        b: Node(b, seen, {a: both}),
        c: Node(c, seen, {a: Edge(link, theirs=True)}),
    }
    told = [(each["a"]["value"], each["b"]["value"], each["lives"]) for each in links_json(nodes)]
    assert told == [("a", "b", True), ("a", "c", False)]


def test_more_identifiers_than_one_look_reads(view, told, tmp_path, monkeypatch):
    monkeypatch.setattr("serving_layer.questions.MOST", 1)
    (found,) = view.lookup([LOGIN]).found
    again = person_json(view, "default", found.customer, History(tmp_path / "history"))
    assert (again["identifiers"], again["links"]) == (told["identifiers"], told["links"])


def test_while_the_stream_cannot_be_asked_nothing_is_told(tom, view, tmp_path):
    (found,) = view.lookup([LOGIN]).found
    tom.redis.delete(overlay.LIVE)
    with pytest.raises(Unavailable, match="just erased"):
        person_json(view, "default", found.customer, History(tmp_path / "history"))


def test_rows_hold_every_value(told):
    found = list(rows(told))
    text = "\n".join(map(str, found))
    said = [each for each in found if each.kind == "permission" and each.name == "status"]
    assert [(row.source, row.value) for row in said] == [("shop", "granted"), ("", "withdrawn")]
    assert all(row.at for row in found if row.kind in {"permission", "identifier", "history"})
    assert ("outcome", "", "spring", "sent_total", "2") in found
    assert {row.value for row in found if (row.kind, row.name) == ("identifier", "identifier")} == {
        f"{type_}={value}" for type_, value in identifiers({**TOM, "cookie": "7"})
    }
    assert told["customer"]["customer_id"] in text
    assert ("included", "", "messages and records", "landed", "nothing yet") in found


def test_rows_of_messages_and_of_the_profile(told):
    said = {
        "identifiers": {"email": ["tom@example.com", "t@example.com"]},
        "page": "",
        "properties": {"n": 3},
    }
    message = {"topic": "web.events", "ingested_at": "T", "offset": 4, "said": said, "others_left_out": False}
    profile = {"town": {"value": "=HYPERLINK(1)", "source": "web", "at": "A"}}
    landed = {"offsets": {"web.events:0": 5}, "load": 0}
    found = list(rows(told | {"messages": [message], "profile": profile, "landed": landed}))
    assert [row[1:] for row in found if row.kind == "message"] == [
        ("T", "web.events", "offset", "4"),
        ("T", "web.events", "said.identifiers.email", "tom@example.com"),
        ("T", "web.events", "said.identifiers.email", "t@example.com"),
        ("T", "web.events", "said.properties.n", "3"),
        ("T", "web.events", "others_left_out", "false"),
    ]
    assert ("profile", "A", "web", "town", "'=HYPERLINK(1)") in found
    assert ("included", "", "messages and records", "offsets.web.events:0", "5") in found


def test_the_command(server, tom, view):
    done = ucid(server, tom, "export", "person", "cookie=7")
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)
    assert set(told) >= {"customer", "profile", "segments", "landed", "generation", *ALL_LISTS}
    customer = view.lookup([LOGIN]).found[0].customer
    assert told["customer"]["customer_id"] == customer.id
    done = ucid(server, tom, "export", "person", "cookie=7", "--format", "csv")
    assert (done.returncode, done.stderr) == (0, b"")
    table = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert list(table[0]) == ["kind", "at", "source", "name", "value"]
    assert {row["kind"] for row in table} >= {"customer", "identifier", "link", "permission", "outcome"}
    log = b"".join(path.read_bytes() for path in (tom.root / "audit").glob("*.jsonl"))
    assert log.count(b'"act":"export"') == 2
    assert customer.id.encode() in log
    assert b"tom" not in log


def test_who_is_not_known_is_not_told(server, tom):
    done = ucid(server, tom, "export", "person", "email=nobody@example.com")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no customer is known" in done.stderr
    assert b"nobody" not in done.stderr
    log = b"".join(path.read_bytes() for path in (tom.root / "audit").glob("*.jsonl"))
    assert b'"about":["i_' in log
    done = ucid(server, tom, "export", "person", "card=4111")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"4111" not in done.stderr
