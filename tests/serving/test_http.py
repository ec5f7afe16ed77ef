"""The HTTP face: shapes, statuses, and nobody's data in an error."""

import asyncio

import httpx
import pytest

from schemas import overlay
from serving_layer.http import MOST, MOST_BYTES, application
from tests.serving.world import TOM

SECRET = "hidden.person@example.com"


class Client:
    """Asks the application as a server would; an error inside it becomes a 500."""

    def __init__(self, app):
        self._app = app

    def request(self, method, path, **content):
        return asyncio.run(self._request(method, path, **content))

    async def _request(self, method, path, **content):
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ucid") as client:
            return await client.request(method, path, **content)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **content):
        return self.request("POST", path, **content)


@pytest.fixture
def client(view):
    return Client(application(view))


def lookup(client, *pairs):
    return client.post("/v1/lookup", json={"identifiers": [{"type": t, "value": v} for t, v in pairs]})


def test_a_lookup(world, client):
    world.stream.state.advance({}, 1_700_000_000_000_000)
    response = lookup(client, ("email", "Tom@example.com"), ("login", "nobody"), ("login", "null"))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    customer_id = body["results"][0].pop("customer_id")
    assert customer_id.startswith("c_")
    assert body == {
        "results": [
            {
                "type": "email",
                "value": "tom@example.com",
                "identifiers": [
                    {"type": "email", "value": TOM["email"]},
                    {"type": "login", "value": TOM["login"]},
                ],
                "aliases": [],
            },
            {"type": "login", "value": "nobody", "customer_id": None, "reason": "unknown"},
            {"type": "login", "value": "null", "customer_id": None, "reason": "blocked: stands for no value"},
        ],
        "generation": 1,
        "through": "2023-11-14T22:13:20+00:00",
        "stale": False,
    }


def test_a_customer_by_its_id(client):
    found = lookup(client, ("login", "tom")).json()["results"][0]
    response = client.get(f"/v1/customers/{found['customer_id']}")
    assert response.status_code == 200
    assert response.json() == {
        "customer_id": found["customer_id"],
        "identifiers": found["identifiers"],
        "aliases": [],
        "generation": 1,
        "through": None,
        "stale": False,
    }


def test_a_customer_by_an_id_from_before_a_merge(world, client):
    questions = [("login", "tom"), ("email", "visitor0@example.com")]
    ids = [found["customer_id"] for found in lookup(client, *questions).json()["results"]]
    world.apply({"login": "tom", "email": "visitor0@example.com"})
    bodies = [client.get(f"/v1/customers/{id_}").json() for id_ in ids]
    assert bodies[0] == bodies[1]
    assert {bodies[0]["customer_id"], *bodies[0]["aliases"]} == set(ids)


def test_an_id_that_nobody_has(client):
    response = client.get("/v1/customers/c_nobody")
    assert (response.status_code, response.json()) == (404, {"error": "no customer has or had this id"})


def test_health_says_what_answers_rest_on(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        200,
        {"generation": 1, "through": None, "stale": False},
    )


def test_without_its_view_in_redis_an_answer_is_stale(world, client):
    world.redis.delete(overlay.LIVE)
    response = lookup(client, ("login", "tom"))
    assert (response.status_code, response.json()["stale"]) == (200, True)
    assert response.json()["results"][0]["customer_id"]


def test_without_a_generation_the_service_is_unavailable(world, client):
    world.redis.set(overlay.LIVE, 7)
    response = lookup(client, ("login", SECRET))
    assert response.status_code == 503
    assert "run 'ucid batch'" in response.json()["error"]
    assert SECRET not in response.text


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
    ],
)
def test_a_body_that_is_no_lookup(client, body, told):
    response = client.post("/v1/lookup", content=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith("the body is no lookup: ")
    assert told in response.json()["error"]
    assert SECRET not in response.text


def test_a_type_that_no_rule_names(client):
    response = lookup(client, ("email", SECRET), ("card", "4111 1111"))
    assert response.status_code == 400
    assert "identifier type 'card': add it to the rules" in response.json()["error"]
    assert SECRET not in response.text
    assert "4111" not in response.text


def test_no_identifiers_no_results(client):
    assert lookup(client).json()["results"] == []


def test_a_thousand_identifiers_and_no_more(client):
    many = [("email", f"visitor{i}@example.com") for i in range(MOST)]
    response = lookup(client, *many)
    assert response.status_code == 200
    assert [found["value"] for found in response.json()["results"]] == [value for _, value in many]
    assert sum(found["customer_id"] is not None for found in response.json()["results"]) == 4
    response = lookup(client, *many, ("email", SECRET))
    assert response.status_code == 400
    assert "length <= 1000" in response.json()["error"]
    assert SECRET not in response.text


def test_a_body_that_is_too_large(client):
    frame = b'{"identifiers": []}'
    response = client.post("/v1/lookup", content=frame + b" " * (MOST_BYTES - len(frame)))
    assert response.status_code == 200
    response = client.post("/v1/lookup", content=frame + b" " * (MOST_BYTES - len(frame) + 1))
    assert response.status_code == 413
    assert "ask in several requests" in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/lookup", 405), ("POST", "/v1/customers/c_x", 405), ("GET", "/v1/nothing", 404)],
)
def test_what_is_not_offered(client, method, path, status):
    assert client.request(method, path).status_code == status


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"identifiers": [{"type": "email", "value": "\xff"}]}', "not UTF-8"),
        (b'{"identifiers": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_a_body_that_no_decoder_takes(client, body, problem):
    response = client.post("/v1/lookup", content=body)
    assert response.status_code == 400
    assert problem in response.json()["error"]
