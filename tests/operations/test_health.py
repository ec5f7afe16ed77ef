import json
import socket
import urllib.request
from urllib.error import HTTPError

import pytest
from prometheus_client import CollectorRegistry, Gauge

from schemas import WEB
from speed_layer.endpoint import Endpoint
from speed_layer.health import ALIVE_S, Health
from speed_layer.log_statistics import LogStatistics
from tests.operations.librdkafka import report


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def statistics(clock):
    return LogStatistics(CollectorRegistry(), clock)


@pytest.fixture
def health(statistics, clock):
    return Health(statistics, clock)


def test_it_is_ready_once_it_follows_the_log(health, statistics):
    assert not health.report().ready
    health.turned(3)
    assert "Kafka" in health.report().why
    statistics.of(2)(report())
    assert not health.report().ready, "that is another lane"
    statistics.of(3)(report(joined="wait-sync"))
    assert not health.report().ready
    statistics.of(3)(report(partitions=[(WEB, 0, "active", 10, 7, 10)]))
    said = health.report()
    assert (said.ready, said.alive, said.generation, said.lag) == (True, True, 3, 3)


def test_kafka_away(health, statistics):
    health.turned(3)
    statistics.of(3)(report(state="TRY_CONNECT"))
    assert "Kafka" in health.report().why


def test_old_reports_do_not_count(health, statistics, clock):
    health.turned(3)
    statistics.of(3)(report())
    clock.now = 20.0
    health.turned(3)
    assert "Kafka" in health.report().why


def test_failing_turns_are_alive_and_not_ready(health, statistics):
    statistics.of(3)(report())
    health.turned(3)
    health.failed(ConnectionError("ann@example.com"))
    said = health.report()
    assert (said.alive, said.ready, said.why) == (True, False, "the last turn failed: ConnectionError")
    health.turned(3)
    assert health.report().ready


def test_a_loop_that_hangs_is_not_alive(health, clock):
    health.turned(3)
    clock.now = ALIVE_S + 1
    said = health.report()
    assert (said.alive, said.ready, said.why) == (False, False, "no turn for 61 s")


def get(endpoint, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{endpoint.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def endpoint(registry, health):
    with Endpoint(("127.0.0.1", 0), registry, health) as endpoint:
        yield endpoint


def test_health_over_http(endpoint, health, statistics, clock):
    assert [get(endpoint, path)[0] for path in ("/healthz", "/readyz")] == [200, 503]
    health.turned(3)
    statistics.of(3)(report())
    status, kind, body = get(endpoint, "/readyz")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {
        "alive": True,
        "why": None,
        "generation": 3,
        "lag": 0,
        "seconds_since_turn": 0,
    }
    clock.now = ALIVE_S + 1
    assert [get(endpoint, path)[0] for path in ("/healthz", "/readyz")] == [503, 503]


def test_metrics_over_http(endpoint, registry):
    Gauge("thing", "a thing", registry=registry).set(7)
    status, kind, body = get(endpoint, "/metrics?name[]=thing")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "thing 7.0" in body
    kind = get(endpoint, "/metrics", Accept="application/openmetrics-text; version=1.0.0")[1]
    assert kind.startswith("application/openmetrics-text")


@pytest.mark.parametrize("path", ["/", "/metricsx", "/../healthz", "/healthz/"])
def test_nothing_else_is_told(endpoint, path):
    assert get(endpoint, path)[0] == 404


def test_one_that_says_nothing_keeps_nobody_waiting(endpoint):
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        assert get(endpoint, "/healthz")[0] == 200


def test_one_that_goes_away_ends_nothing(endpoint, capfd):
    with socket.create_connection(("127.0.0.1", endpoint.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(b"GET /metrics HTTP/1.0\r\n")
    assert get(endpoint, "/healthz")[0] == 200
    assert capfd.readouterr().err == ""


def test_an_address_that_is_taken(endpoint, registry, health):
    with pytest.raises(OSError, match="in use"):
        Endpoint(("127.0.0.1", endpoint.port), registry, health)
