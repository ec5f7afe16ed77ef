"""What we reach for: certificates, from one address and soon; and Kafka, which may be away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy import bootstrap, fetching
from deploy.local.ports import free_port
from deploy.local.state import HOST
from deploy.sending import send
from deploy.settings import Settings
from schemas import EMAIL, Unavailable
from tests.operations.environment import GIVEN


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {
            "/certificate": (200, b"x" * fetching._MOST),
            "/large": (200, b"x" * (fetching._MOST + 1)),
            "/elsewhere": (302, b""),
        }
        status, body = answers.get(self.path, (404, b"no"))
        self.send_response(status)
        self.send_header("Location", "/certificate")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_there_is_fetched(site):
    assert fetching.fetch(f"{site}/certificate") == b"x" * fetching._MOST


@pytest.mark.parametrize(
    ("path", "told"),
    [("/elsewhere", "status 302"), ("/large", "more than 65536 bytes"), ("/nothing", "status 404")],
)
def test_nothing_else_is(site, path, told):
    with pytest.raises(Unavailable, match=told):
        fetching.fetch(site + path)


def test_where_nobody_answers():
    with pytest.raises(Unavailable, match="cannot be reached"):
        fetching.fetch(f"http://{HOST}:{free_port(HOST)}/certificate?Token=secret")


def test_kafka_that_is_away_is_not_waited_for_long():
    """Several calls at once each learn what became of theirs."""
    settings = Settings.load(GIVEN | {"UCID_KAFKA": f"{HOST}:{free_port(HOST)}"})
    producer = bootstrap.producer(settings, 0.3)

    def one(_):
        with pytest.raises(KafkaException) as caught:
            send(producer, EMAIL, [b"{}"] * 3)
        return caught.value.args[0].code()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(4))) == {KafkaError._MSG_TIMED_OUT}
