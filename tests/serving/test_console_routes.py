"""What the console asks for, and how its files are served."""

import asyncio
import json

import pytest

from deploy.trial import try_out
from schemas.generation import REPORT, path_of
from serving_layer.access.verify import entries
from serving_layer.errors import Refused
from serving_layer.picture import MOST_NODES
from tests.serving.client import Served
from tests.serving.world import ANN, RULES, TOM, World

EVENTS = """\
{"event_id": "1", "occurred_at": "2026-01-01T08:00:00Z", "identifiers": {"login": "ann", "cookie": "laptop"}}
{"event_id": "2", "occurred_at": "2026-01-01T09:00:00Z", "identifiers": {"login": "ben", "cookie": "laptop"}}
"""


def graph(served, type_, value):
    customer_id = served.lookup((type_, value), key=served.key()).json()["results"][0]["customer_id"]
    return served.ask("GET", f"/v1/customers/{customer_id}/graph", key=served.key("read")).json()


def drawn(found, *, refused):
    names = [f"{x['type']}={x['value']}" for x in found["nodes"]]
    links = [x for x in found["links"] if (x["refused"] is not None) == refused]
    return {frozenset((names[x["a"]], names[x["b"]])) for x in links}


def test_a_graph_has_what_holds_and_what_was_refused(world, served):
    world.apply({"login": "ann", "cookie": "shared"}, {"login": "tom", "cookie": "shared"})
    found = graph(served, "login", "tom")
    tom, theirs = {"login=tom", "cookie=shared"}, {"login=ann", "cookie=shared"}
    assert drawn(found, refused=False) == {frozenset(tom), frozenset({"login=tom", "email=tom@example.com"})}
    assert drawn(found, refused=True) == {frozenset(theirs)}
    inside = {x["value"]: x["inside"] for x in found["nodes"]}
    assert inside == {"tom": True, "tom@example.com": True, "shared": True, "ann": False}
    (refused,) = [x for x in found["links"] if x["refused"]]
    assert refused["refused"].startswith("shared:")
    assert refused["first_seen"] == refused["last_seen"] is not None
    assert (found["nodes_left_out"], found["links_left_out"]) == (0, 0)


def test_a_link_that_a_steward_cut_is_drawn_with_his_word(world, served):
    from identity import Verdict

    world.decide(("login", "tom"), ("email", "tom@example.com"), Verdict.CANNOT)
    found = graph(served, "login", "tom")
    (cut,) = found["links"]
    assert cut["verdict"] == "cannot_link"
    assert cut["refused"]
    assert [x["inside"] for x in found["nodes"]] == [True, False]


def test_of_a_large_customer_the_strongest_are_drawn(redis, tmp_path, server):
    from tests.serving.conftest import aio

    world = World(redis, tmp_path / "generations", rules=RULES.replace("max: 50", "max: 1000"))
    world.publish(TOM, *({"login": "tom", "cookie": f"c{i}"} for i in range(400)))
    world.go_live()
    with Served(world, tmp_path, aio(server)) as served:
        found = graph(served, "login", "tom")
    assert len(found["nodes"]) == MOST_NODES
    assert found["nodes_left_out"] == 402 - MOST_NODES
    assert [x["type"] for x in found["nodes"][:2]] == ["login", "email"]
    assert len(found["links"]) == MOST_NODES - 1


def test_a_graph_is_noted_and_unknown_ids_are_unknown(served):
    customer_id = graph(served, "login", "tom")["customer_id"]
    assert served.ask("GET", "/v1/customers/c_nobody/graph", key=served.key("read")).status == 404
    acts = [(entry.act, entry.about) for _, entry in entries(served.audit)]
    assert ("graph", [customer_id]) in acts


def test_health_says_how_far_behind_the_stream_is(world, served):
    world.apply(TOM)
    key = served.key("read")
    found = served.ask("GET", "/v1/health", key=key).json()
    assert found["stream"]["behind"] == 0
    served.ends = {"web.events:0": 7, "email.events:0": 5}
    assert served.ask("GET", "/v1/health", key=key).json()["stream"]["behind"] == 12
    served.ends = None
    assert served.ask("GET", "/v1/health", key=key).json()["stream"]["behind"] is None
    assert [x["type"] for x in found["types"]] == ["login", "email", "cookie"]
    assert found["batch"] == {"generation": 1, "as_of": None, "report": None}


def test_a_report_is_told_without_customers(world, served):
    report = {"at": 0, "messages": 5, "health": {"customers": [], "largest": [{"customer_id": "c_other"}]}}
    path = path_of(world.root, 1) / REPORT
    path.write_text(json.dumps(report))
    answer = served.ask("GET", "/v1/health", key=served.key("read"))
    assert answer.json()["batch"]["report"]["messages"] == 5
    assert "c_other" not in answer.text
    path.write_text("{")
    assert served.ask("GET", "/v1/health", key=served.key("read")).json()["batch"]["report"] is None


def test_rules_in_force_are_told_to_admins(world, served):
    found = served.ask("GET", "/v1/rules", key=served.key("admin")).json()
    assert (found["rules"], found["generation"]) == (world.rules_text, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"rules": 1, "events": ""}, 400),
        ({"rules": "x" * 70_000, "events": ""}, 400),
        ({"rules": "", "events": "x" * 3_000_000}, 413),
    ],
)
def test_a_trial_is_bounded(served, body, status):
    assert served.ask("POST", "/v1/simulate", body, served.key("read")).status == status
    assert not hasattr(served, "tried")


def test_one_trial_at_a_time(served):
    key, body = served.key("read"), {"rules": "a", "events": "b"}
    started = asyncio.Event()

    async def slow(*_):
        started.set()
        await asyncio.sleep(0)
        return b"{}"

    request = ("POST", "/v1/simulate", body, key)
    trials = next(r for r in served.application.table.routes if r.name == "POST /v1/simulate").handle.__self__
    trials._try_out = slow
    assert sorted(x.status for x in served.all_at_once(request, request)) == [200, 503]
    assert served.ask(*request).status == 200


def test_a_trial_says_what_the_command_says(monkeypatch):
    monkeypatch.setenv("UCID_ID_KEY", "not for children")
    found = json.loads(asyncio.run(try_out(RULES, EVENTS)))
    assert len(found["customers"]) == 2
    assert found["rejected_links"][0]["reason"].startswith("shared:")


@pytest.mark.parametrize(
    ("rules", "events", "status", "text"),
    [
        ("identifiers: {login: {rnak: 1}}", EVENTS, 400, "rules.yaml: identifiers.login"),
        (RULES, EVENTS + "{}\n", 400, "line 3"),
        (
            'identifiers: {login: {rank: 1, block: ["/^(a|a)*$/"]}, cookie: {rank: 2}}',
            EVENTS.replace("ann", "a" * 60 + "b"),
            422,
            "more than 10 s",
        ),
    ],
)
def test_what_cannot_be_tried_says_why(monkeypatch, rules, events, status, text):
    monkeypatch.setattr("deploy.trial.PATIENCE_S", 3.0)
    with pytest.raises(Refused, match=text) as refused:
        asyncio.run(try_out(rules, events))
    assert refused.value.status == status


def test_every_file_of_the_console_forbids_what_is_not_its_own(served):
    page = served.ask("GET", "/console/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert served.ask("GET", "/console").headers["location"] == "console/"
    for path in ("/console/", "/console/main.js", "/console/console.css"):
        headers = served.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/console/..%2froutes.py", "/console/nothing.js", "/console/__init__.py"):
        assert served.ask("GET", path).status == 404


def test_people_are_not_in_graphs_of_other_tenants(served):
    customer_id = graph(served, "login", "ann")["customer_id"]
    stranger = served.key("read", tenant="other")
    answer = served.ask("GET", f"/v1/customers/{customer_id}/graph", key=stranger)
    assert answer.status == 404
    assert ANN["email"] not in answer.text


def test_the_source_of_a_link_is_looked_for_by_its_time(served):
    body = {
        "a": {"type": "login", "value": "tom"},
        "b": {"type": "email", "value": "Tom@Example.com"},
        "at": "2026-01-01T00:00:00.123456Z",
    }
    key = served.key("read")
    assert served.ask("POST", "/v1/source", body, key).json() == {"message": None}
    tom = [("login", "tom"), ("email", "tom@example.com")]
    assert served.searched == ("default", *tom, 1_767_225_600_123_456)
    served.there = True
    found = served.ask("POST", "/v1/source", body, key).json()["message"]
    assert found == {"topic": "web.events", "partition": 1, "offset": 7, "event_id": "e7"}
    assert [entry.act for _, entry in entries(served.audit)] == ["source", "source"]
    body["at"] = "yesterday"
    assert served.ask("POST", "/v1/source", body, key).status == 400
