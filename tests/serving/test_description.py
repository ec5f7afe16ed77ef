"""The description of the API: of every route, and true of what each answers."""

import os
import subprocess
import sys

import httpx
import msgspec
import pytest

from serving_layer.web.about import ABOUT
from serving_layer.web.console import PAGE
from serving_layer.web.description import described
from tests.serving.running import running
from tests.serving.test_routes import BODIES

__all__ = ["running"]

# Requests for each operation and phase; `make api` asks for more.
MANY = int(os.environ.get("UCID_API_EXAMPLES", "5"))


@pytest.fixture(scope="module")
def description(running):
    return described(running.application.table)


def of_the_api(running):
    """All routes but the page for people."""
    return [route for route in running.application.table.routes if not route.path.startswith(PAGE)]


def test_it_is_what_the_server_shows(running, description):
    shown = httpx.get(f"{running.url}/v1/openapi.json")
    assert (shown.status_code, shown.json()) == (200, description)


def test_every_route_is_described(running, description):
    routes = of_the_api(running)
    assert {route.name for route in routes} == set(ABOUT), "say in serving_layer/web/about.py what it gives"
    told = {
        f"{method.upper()} {path}" for path, methods in description["paths"].items() for method in methods
    }
    assert told == {route.name for route in routes}
    operations = [one for methods in description["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(routes)
    assert all(one["summary"].endswith(".") for one in operations)


def test_a_route_that_wants_a_key_says_so(running, description):
    for route in of_the_api(running):
        operation = description["paths"][route.path][route.method.lower()]
        assert bool(operation["security"]) == (route.scope is not None)
        assert ("401" in operation["responses"]) == (route.scope is not None)


def test_every_body_that_the_tests_of_routes_send_is_one(description):
    jsonschema = pytest.importorskip(
        "jsonschema_rs", reason="comes with schemathesis: pip install -e '.[dev]'"
    )
    for name, body in BODIES.items():
        method, path = name.split()
        content = description["paths"][path][method.lower()]["requestBody"]["content"]
        schema = {**content["application/json"]["schema"], "components": description["components"]}
        jsonschema.validate(schema, body)


def test_a_server_loads_neither_its_clients_nor_what_only_parquet_needs():
    program = "import sys, serving_layer.web.routes; print({'httpx', 'pyarrow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def closed(description):
    """The same, but structures have no fields that are not described."""
    copy = msgspec.json.decode(msgspec.json.encode(description))
    for schema in copy["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return copy


def test_schemathesis_finds_nothing(running, description, tmp_path):
    pytest.importorskip("schemathesis", reason="pip install -e '.[dev]'")
    file = tmp_path / "openapi.json"
    file.write_bytes(msgspec.json.encode(closed(description)))
    command = [sys.executable, "-m", "schemathesis.cli", "run", file, "--url", running.url]
    command += ["--header", f"Authorization: Bearer {running.key()}", "--no-color"]
    # A type or a moment may be well-formed and still be none that the rules, or the generations, know.
    command += ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    command += [
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        str(MANY),
        "--generation-deterministic",
        "--seed",
        "1",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
