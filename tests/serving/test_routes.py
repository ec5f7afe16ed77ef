"""Every route with every kind of wrong key: the routes come from the table, so a new one is tried, too."""

import json
import re
import time

import msgspec
import pytest

from schemas import overlay
from serving_layer.access.principal import SCOPES
from serving_layer.asked import Asked
from tests.serving.client import ALL
from tests.serving.world import TOM

# Bodies that a route takes, and what stands for the parts of its path: a new route may need one here, and the
# last test of this file says so.
BODIES = {
    "POST /v1/lookup": {"identifiers": [{"type": "login", "value": "tom"}]},
    "POST /v1/explain": {
        "a": {"type": "login", "value": "tom"},
        "b": {"type": "email", "value": "tom@example.com"},
    },
    "POST /v1/permissions/check": {
        "purpose": "ads",
        "identifiers": [{"type": "login", "value": "tom"}],
    },
    "POST /v1/permissions/history": {"identifier": {"type": "login", "value": "tom"}},
    "POST /v1/profiles/update": {
        "identifier": {"type": "login", "value": "tom"},
        "attributes": {"town": "Bath"},
    },
    "POST /v1/decisions": {
        "verdict": "must_link",
        "a": {"type": "login", "value": "tom"},
        "b": {"type": "email", "value": "ann@example.com"},
        "why": "they told us",
    },
    "POST /v1/source": {
        "a": {"type": "login", "value": "tom"},
        "b": {"type": "email", "value": "tom@example.com"},
        "at": "2026-01-01T00:00:00Z",
    },
    "POST /v1/simulate": {"rules": "identifiers: {login: {rank: 1}}", "events": ""},
    "POST /v1/erasures": {"type": "login", "value": "tom"},
    "POST /v1/erasures/receipt": {"receipt": "known"},
    "POST /v1/erasures/requests": {"type": "login", "value": "tom", "why": "a letter"},
    "POST /v1/erasures/requests/approve": {"request": "known"},
    "POST /v1/erasures/requests/receipt": {"receipt": "known"},
    "POST /v1/erasures/requests/reject": {"request": "known"},
}
OPEN = {"GET /healthz", "GET /readyz", "GET /metrics", "GET /v1/openapi.json"} | {
    f"GET /console{rest}" for rest in ("", "/", "/{file}")
}


@pytest.fixture
def routes(served):
    return served.application.table.routes


def customer_of_tom(served):
    found = served.lookup(("login", "tom"), key=served.key("lookup")).json()["results"][0]
    return found["customer_id"]


def request(route, customer_id="c_x"):
    path = re.sub(r"\{customer_id\}", customer_id, route.path).replace("{file}", "icon.svg")
    assert "{" not in path, f"say in this test what stands for the parts of {route.path}"
    return route.method, path, BODIES.get(route.name, b"")


def test_each_route_names_a_scope_or_is_known_to_be_open(routes):
    assert {route.name for route in routes if route.scope is None} == OPEN
    assert all(route.scope in SCOPES for route in routes if route.scope is not None)


def test_open_routes_say_nothing_about_anybody(world, served, routes):
    world.apply({**TOM, "cookie": "new"})
    customer_id = customer_of_tom(served)
    for route in routes:
        if route.scope is None:
            text = served.ask(*request(route)).text
            # In words of its own, for "tom" is part of "customer".
            assert not any(re.search(rf"\b{value}\b", text) for value in (*TOM.values(), customer_id))


@pytest.mark.parametrize(
    "kind", ["none", "empty", "unknown", "not bearer", "expired", "revoked", "no secret", "a token"]
)
def test_without_a_valid_key_every_route_says_the_same(served, routes, kind):
    customer_id = customer_of_tom(served)
    expired = served.key(expires=int(served.clock.now) + 1)
    revoked = served.key()
    served.write_keys(*[key for key in served._listed if key.id != served._listed[-1].id])
    header = {
        "none": None,
        "empty": "",
        "unknown": "Bearer ucid_" + "x" * 43,
        "not bearer": f"Basic {expired}",
        "expired": f"Bearer {expired}",
        "revoked": f"Bearer {revoked}",
        "no secret": "Bearer ",
        "a token": "Bearer eyJhbGciOiJub25lIn0.e30.",
    }[kind]
    headers = [] if header is None else [("authorization", header)]
    for route in routes:
        if route.scope is not None:
            answer = served.ask(*request(route, customer_id), headers=headers)
            assert (answer.status, route.name) == (401, route.name)
            assert answer.json() == {"error": "no valid key or token: send 'Authorization: Bearer …'"}
            assert answer.headers["www-authenticate"] == "Bearer"


def test_with_all_scopes_but_its_own_every_route_refuses(served, routes):
    customer_id = customer_of_tom(served)
    for route in routes:
        if route.scope is not None:
            others = served.key(*[scope for scope in ALL if scope != route.scope])
            for id_ in (customer_id, "c_nobody"):
                answer = served.ask(*request(route, id_), key=others)
                assert (answer.status, route.name) == (403, route.name)
                assert answer.json() == {"error": f"this needs the scope '{route.scope}'"}


def test_with_a_key_of_another_tenant_every_route_answers_as_for_somebody_unknown(served, routes):
    customer_id = customer_of_tom(served)
    stranger = served.key(tenant="other")
    for route in routes:
        if route.scope is None:
            continue
        answer = served.ask(*request(route, customer_id), key=stranger)
        nobody = served.ask(*unknown(route), key=stranger)
        assert (answer.status, without_ids(answer)) == (nobody.status, without_ids(nobody)), route.name
        assert not any(value in answer.text for value in (TOM["email"], customer_id)), route.name


def unknown(route):
    method, path, body = request(route, "c_nobody")
    text = json.dumps(body) if body else ""
    return method, path, text.replace("tom", "nobody").encode()


def without_ids(answer):
    """What is new in each answer, an id, a place in the log or the time, tells nobody anything."""
    return re.sub(r'"(decision_id|event_id|offset|now|receipt|request|at)":[^,}]*', "", answer.text)


def wait_for_approval(served):
    """Somebody else has asked for an erasure."""
    word = {"type": "login", "value": "tom", "only": False, "why": "a letter"}
    waits = Asked(request="known", at=time.time_ns() // 1_000, who="k_other", name="another", **word)
    served.world.redis.hset(overlay.asked_key("default"), "known", msgspec.msgpack.encode(waits))


def test_with_its_scope_every_route_answers(served, routes):
    customer_id = customer_of_tom(served)
    for route in routes:
        key = served.key(route.scope) if route.scope else None
        wait_for_approval(served)
        assert served.ask(*request(route, customer_id), key=key).status in {200, 202, 308}, route.name
