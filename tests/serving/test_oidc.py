"""Bearer tokens, against an issuer of our own on this machine."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from serving_layer.access.oidc import LEEWAY_S, Tokens
from tests.serving.client import Served
from tests.serving.conftest import aio

AUDIENCE = "ucid"


class Issuer:
    """Signs tokens, and publishes its keys over HTTP."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                public = json.loads(RSAAlgorithm.to_jwk(issuer.key.public_key()))
                body = json.dumps({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, key=None, algorithm="RS256", **claims):
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ann",
            "exp": time.time() + 600,
            "tenant": "default",
            "scope": "lookup openid",
        }
        wanted = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(wanted, key or self.key, algorithm=algorithm, headers={"kid": "1"})


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def served(world, server, tmp_path, issuer):
    tokens = Tokens(issuer.url, AUDIENCE, f"{issuer.url}/jwks", clock=lambda: now[0])
    now = [time.time()]
    with Served(world, tmp_path, aio(server), tokens=tokens) as served:
        served.now = now
        yield served


def test_a_token_opens_what_its_scopes_say(served, issuer):
    token = issuer.token()
    answer = served.lookup(("login", "tom"), key=token)
    assert (answer.status, answer.json()["results"][0].keys()) == (
        200,
        {"customer_id", "certainty", "aliases"},
    )
    assert served.ask("GET", "/v1/customers/c_x", key=token).status == 403
    assert served.lookup(("login", "tom"), key=issuer.token(scope="lookup read")).json()["results"][0][
        "identifiers"
    ]


def test_a_token_is_of_its_tenant(served, issuer):
    answer = served.lookup(("login", "tom"), key=issuer.token(tenant="other"))
    assert answer.json()["results"] == [None]


def test_the_issuer_is_asked_for_its_keys_once(served, issuer):
    before = issuer.asked
    for sub in ("a", "b", "c"):
        assert served.lookup(key=issuer.token(sub=sub)).status == 200
    assert issuer.asked == before + 1


def test_names_of_keys_that_are_made_up_cannot_have_the_issuer_asked_each_time(served, issuer):
    assert served.lookup(key=issuer.token()).status == 200
    before = issuer.asked
    for i in range(20):
        token = jwt.encode({"sub": "ann"}, issuer.key, algorithm="RS256", headers={"kid": f"made up {i}"})
        assert served.lookup(key=token).status == 401
    assert issuer.asked == before + 1


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": -LEEWAY_S - 60},  # seconds from now
        {"exp": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "others"},
        {"aud": None},
        {"sub": None},
        {"nbf": 600},
        {"tenant": None},
        {"tenant": 7},
        {"tenant": ""},
        {"scope": ["lookup"]},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_is_none(served, issuer, claims):
    now = time.time()
    moments = {name: now + value for name, value in claims.items() if name in {"exp", "nbf"} and value}
    assert served.lookup(key=issuer.token(**claims | moments)).status == 401


def test_a_token_that_the_issuer_did_not_sign_is_none(served, issuer):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body, signature = issuer.token().split(".")
    forged = [
        issuer.token(key=other),
        issuer.token(key="x" * 32, algorithm="HS256"),
        f"{head}.{body}.",
        f"{head}.{body[:-4]}AAAA.{signature}",
        jwt.encode({"sub": "ann"}, None, algorithm="none", headers={"kid": "1"}),
    ]
    assert b"PUBLIC" in public
    for token in forged:
        assert served.lookup(key=token).status == 401


def test_a_token_that_was_good_ends(served, issuer):
    token = issuer.token()
    assert served.lookup(key=token).status == 200
    served.now[0] += 600 + LEEWAY_S + 1
    assert served.lookup(key=token).status == 401


def test_budgets_are_a_person_s_and_not_a_token_s(served, issuer):
    guesses = [("login", f"guess{i}") for i in range(1_000)]
    statuses = []
    for i in range(3):
        token = issuer.token(exp=time.time() + 600 + i)
        served.now[0] += 1  # so that the rate is none of it
        statuses.append(served.lookup(*guesses[: 1_000 if i == 0 else 1], key=token).status)
    assert statuses == [200, 429, 429]
    assert served.lookup(("login", "tom"), key=issuer.token(sub="tom")).status == 200


def test_while_the_issuer_s_keys_cannot_be_had_nobody_passes_and_all_are_told_why(world, server, tmp_path):
    tokens = Tokens("https://issuer", AUDIENCE, "http://127.0.0.1:9/jwks")
    token = jwt.encode({"sub": "ann"}, "x" * 32, algorithm="HS256", headers={"kid": "1"})
    with Served(world, tmp_path, aio(server), tokens=tokens) as served:
        answer = served.lookup(key=token)
        assert (answer.status, answer.json()) == (
            503,
            {"error": "the issuer of tokens does not answer: try again"},
        )
        assert served.lookup(key=served.key("lookup")).status == 200
