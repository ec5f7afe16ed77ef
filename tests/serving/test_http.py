"""The HTTP face: shapes, statuses, and nobody's data in an error."""

import json

import pytest

from schemas import Unavailable, overlay
from serving_layer.reading import MOST
from serving_layer.web import lookups
from serving_layer.web.lines import LONGEST
from serving_layer.web.lookups import MOST_BYTES
from tests.serving.client import asked
from tests.serving.world import ANN, TOM

SECRET = "hidden.person@example.com"
NDJSON = [("content-type", "application/x-ndjson")]


def test_a_lookup(world, served, key):
    world.stream.state.advance({b"web.events:0": 3}, 1_700_000_000_000_000)
    response = served.lookup(
        ("email", "Tom@example.com"), ("login", "nobody"), ("login", "null"), ("cookie", "kiosk"), key=key
    )
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["results"][0].pop("customer_id").startswith("c_")
    assert body == {
        "results": [
            {
                "certainty": 1.0,
                "identifiers": [
                    {"type": "email", "value": TOM["email"]},
                    {"type": "login", "value": TOM["login"]},
                ],
                "aliases": [],
            },
            None,
            {"customer_id": None, "reason": "blocked: stands for no value"},
            {"customer_id": None, "reason": "hot: linked to more than 3 values of email"},
        ],
        "generation": 1,
        "through": "2023-11-14T22:13:20+00:00",
        "offsets": {"web.events:0": 3},
        "stale": False,
    }


def test_who_may_look_up_but_not_read_sees_no_identifiers(served):
    response = served.lookup(("login", "tom"), key=served.key("lookup"))
    (found,) = response.json()["results"]
    assert found.keys() == {"customer_id", "certainty", "aliases"}
    assert TOM["email"] not in response.text


def test_a_customer_by_its_id(served, key):
    found = served.lookup(("login", "tom"), key=key).json()["results"][0]
    response = served.ask("GET", f"/v1/customers/{found['customer_id']}", key=key)
    assert response.status == 200
    assert response.json() == {
        "customer_id": found["customer_id"],
        "asked": found["customer_id"],
        "moved": False,
        "identifiers": found["identifiers"],
        "aliases": [],
        "profile": {},
        "segments": [],
        "generation": 1,
        "through": None,
        "offsets": {},
        "stale": False,
    }


def test_a_customer_by_an_id_from_before_a_merge_says_that_it_moved(world, served, key):
    questions = [("login", "tom"), ("email", "visitor0@example.com")]
    ids = [found["customer_id"] for found in served.lookup(*questions, key=key).json()["results"]]
    world.apply({"login": "tom", "email": "visitor0@example.com"})
    bodies = [served.ask("GET", f"/v1/customers/{id_}", key=key).json() for id_ in ids]
    assert [body.pop("asked") for body in bodies] == ids
    assert sorted(body.pop("moved") for body in bodies) == [False, True]
    assert bodies[0] == bodies[1]
    assert {bodies[0]["customer_id"], *bodies[0]["aliases"]} == set(ids)


def test_an_id_of_the_stream_alone(world, served, key):
    world.apply({"cookie": "only"})
    found = served.lookup(("cookie", "only"), key=key).json()["results"][0]
    body = served.ask("GET", f"/v1/customers/{found['customer_id']}", key=key).json()
    assert body["identifiers"] == [{"type": "cookie", "value": "only"}]


def test_an_id_that_nobody_has(served, key):
    response = served.ask("GET", "/v1/customers/c_nobody", key=key)
    assert (response.status, response.json()) == (404, {"error": "no customer has or had this id"})


def test_ready_says_what_answers_rest_on(served):
    response = served.ask("GET", "/readyz")
    assert (response.status, response.json()) == (
        200,
        {"generation": 1, "through": None, "offsets": {}, "stale": False},
    )
    assert served.ask("GET", "/healthz").json() == {"alive": True}


def test_metrics_count_what_happened(served, key):
    served.lookup(("login", "tom"), ("login", "nobody"), key=key)
    served.ask("GET", "/v1/nothing")
    page = served.ask("GET", "/metrics").text
    for line in (
        'ucid_serve_seconds_count{route="POST /v1/lookup",status="200"} 1.0',
        'ucid_serve_seconds_count{route="none",status="404"} 1.0',
        'ucid_serve_identifiers_total{outcome="found"} 1.0',
        'ucid_serve_identifiers_total{outcome="unknown"} 1.0',
        "ucid_serve_generation 1.0",
    ):
        assert line in page


def test_all_that_is_asked_at_once_shares_a_round_trip(world, served, key):
    world.apply({**TOM, "cookie": "new"})
    request = ("POST", "/v1/lookup", asked(("cookie", "new")), key)
    other = ("POST", "/v1/lookup", asked(("login", "ann")), key)
    answers = served.all_at_once(request, other, request)
    assert answers[0].json() == answers[2].json()
    assert [len(answer.json()["results"][0]["identifiers"]) for answer in answers] == [3, 2, 3]
    page = served.ask("GET", "/metrics").text
    assert 'ucid_serve_shared_requests_bucket{le="2.0"} 0.0' in page
    assert "ucid_serve_shared_requests_sum 3.0" in page


def test_without_its_view_in_redis_an_answer_is_stale(world, served, key):
    world.redis.delete(overlay.LIVE)
    response = served.lookup(("login", "tom"), key=key)
    assert (response.status, response.json()["stale"]) == (200, True)
    assert response.json()["results"][0]["customer_id"]
    assert "ucid_serve_stale_answers_total 1.0" in served.ask("GET", "/metrics").text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Input data was truncated"),
        (f'{{"identifiers": [{{"type": "email", "value": "{SECRET}"}}'.encode(), "Input data was truncated"),
        (f"email={SECRET}".encode(), "JSON is malformed"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `identifiers`"),
        (b'{"identifiers": {"email": "x"}}', "Expected `array`, got `object` - at `$.identifiers`"),
        (f'{{"identifiers": ["{SECRET}"]}}'.encode(), "Expected `object`, got `str`"),
        (f'{{"identifiers": [{{"value": "{SECRET}"}}]}}'.encode(), "missing required field `type`"),
        (f'{{"identifiers": [{{"type": "{SECRET}", "value": 1}}]}}'.encode(), "Expected `str`, got `int`"),
        (f'{{"identifiers": [], "{SECRET}": 1}}'.encode(), "it has a field that is not known"),
    ],
)
def test_a_body_that_is_no_lookup(served, key, body, told):
    response = served.ask("POST", "/v1/lookup", body, key)
    assert response.status == 400
    assert response.json()["error"].startswith("the body is no lookup: ")
    assert told in response.json()["error"]
    assert SECRET not in response.text


def test_a_type_that_no_rule_names(served, key):
    response = served.lookup(("email", SECRET), ("card", "4111 1111"), key=key)
    assert response.status == 400
    assert "identifier type 'card': add it to the rules" in response.json()["error"]
    assert SECRET not in response.text
    assert "4111" not in response.text


def test_no_identifiers_no_results(served, key):
    assert served.lookup(key=key).json()["results"] == []


def test_a_thousand_identifiers_and_no_more(served, key):
    many = [("email", f"visitor{i}@example.com") for i in range(MOST)]
    response = served.lookup(*many, key=key)
    assert response.status == 200
    assert [found is not None for found in response.json()["results"]] == [i < 4 for i in range(MOST)]
    response = served.lookup(*many, ("email", SECRET), key=key)
    assert response.status == 400
    assert "length <= 1000" in response.json()["error"]
    assert SECRET not in response.text


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_body_that_is_too_large(served, key, in_parts):
    frame = b'{"identifiers": []}'
    for more, status in ((0, 200), (1, 413)):
        body = frame + b" " * (MOST_BYTES - len(frame) + more)
        parts = [body[:1000], body[1000:]] if in_parts else None
        response = served.ask("POST", "/v1/lookup", body, key, parts=parts)
        assert response.status == status
    assert "ask in several requests" in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/lookup", 405), ("POST", "/v1/customers/c_x", 405), ("GET", "/v1/nothing", 404)],
)
def test_what_is_not_offered(served, key, method, path, status):
    assert served.ask(method, path, key=key).status == status


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"identifiers": [{"type": "email", "value": "\xff"}]}', "not UTF-8"),
        (b'{"identifiers": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "that is not known"),
        (b'{"identifiers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "Expected `object`, got `array`"),
    ],
)
def test_a_body_that_no_decoder_takes(served, key, body, problem):
    response = served.ask("POST", "/v1/lookup", body, key)
    assert response.status == 400
    assert problem in response.json()["error"]


def line(type_, value):
    return json.dumps({"type": type_, "value": value}).encode() + b"\n"


def test_a_stream_is_answered_line_by_line(served, key):
    body = line("login", "tom") + b"\n" + line("login", "nobody") * 1_500 + line("email", ANN["email"])[:-1]
    parts = [body[i : i + 7_000] for i in range(0, len(body), 7_000)]
    response = served.ask("POST", "/v1/lookup", key=key, headers=NDJSON, parts=parts)
    assert response.headers["content-type"] == "application/x-ndjson"
    answers = [json.loads(answer) for answer in response.body.splitlines()]
    assert len(answers) == 1_502
    assert all(answer["generation"] == 1 and answer["stale"] is False for answer in answers)
    found = [answer["result"] and answer["result"]["customer_id"] for answer in answers]
    expected = [
        found["customer_id"]
        for found in served.lookup(("login", "tom"), ("login", "ann"), key=key).json()["results"]
    ]
    assert found == [expected[0], *[None] * 1_500, expected[1]]


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_stream_that_is_too_large_is_refused_at_once(served, key, monkeypatch, in_parts):
    monkeypatch.setattr(lookups, "MOST_STREAM", 100)
    body = line("login", "tom") * 4
    parts = [body[:50], body[50:]] if in_parts else None
    response = served.ask("POST", "/v1/lookup", body, key, NDJSON, parts)
    assert response.status == 413


def test_a_stream_that_cannot_go_on_says_so(served, key, monkeypatch):
    async def unavailable(*_):
        raise Unavailable("nothing to answer from")

    monkeypatch.setattr(served.desk, "lookup", unavailable)
    response = served.ask("POST", "/v1/lookup", line("login", "tom"), key, NDJSON)
    assert json.loads(response.body) == {"error": "nothing to answer from", "status": 503}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (f"{SECRET}\n".encode(), 400),
        (line("card", "4111"), 400),
        (b" " * (LONGEST + 1) + b"\n", 413),
        (b"x" * (LONGEST + 1), 413),
    ],
)
def test_a_stream_ends_with_a_line_that_says_what_is_wrong(served, key, wrong, status, monkeypatch):
    monkeypatch.setattr(lookups, "TOGETHER", 1)
    parts = [line("login", "tom"), wrong]
    response = served.ask("POST", "/v1/lookup", key=key, headers=NDJSON, parts=parts)
    first, last = map(json.loads, response.body.splitlines())
    assert first["result"]["customer_id"]
    assert last["status"] == status
    assert SECRET not in response.text
    assert "4111" not in response.text
