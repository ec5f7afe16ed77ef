"""One connection: whatever way bytes arrive, the short cut answers as the usual way does, in order."""

import json
import socket
import threading
import time

import pytest

from deploy.awaiting import until
from schemas import overlay
from serving_layer.web import protocol
from tests.serving.client import asked
from tests.serving.running import running
from tests.serving.world import ANN, TOM

__all__ = ["running"]


class Line:
    """A connection, spoken to in bytes."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._read = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._read.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def answer(self):
        """Status, header fields without their times, and body of the next answer; None at the end."""
        status = self._read.readline()
        if not status:
            return None
        fields = {}
        while (line := self._read.readline()) != b"\r\n":
            name, _, value = line.decode().strip().partition(": ")
            fields[name] = value
        fields.pop("date", None)
        return int(status.split()[1]), fields, self._read.read(int(fields.get("content-length", 0)))


@pytest.fixture
def line(running):
    with Line(running.port) as line:
        yield line


@pytest.fixture
def key(running):
    return running.key()


def request(key, *pairs, more=b"", body=None, path="/v1/lookup"):
    body = json.dumps(asked(*pairs)).encode() if body is None else body
    head = f"POST {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {key}\r\n".encode()
    return head + more + b"content-length: %d\r\n\r\n" % len(body) + body


def learned(line, *requests):
    """Have the heads of these remembered; their answers in the usual way."""
    answers = []
    for one in requests:
        line.send(one)
        answers.append(line.answer())
    return answers


def test_it_is_taken_and_says_what_the_usual_way_says(running, line, key, monkeypatch):
    one = request(key, ("login", "tom"), ("login", "nobody"))
    (usual,) = learned(line, one)
    assert usual[0] == 200
    monkeypatch.setattr(running.application, "table", None)  # without it nothing goes the usual way
    for _ in range(3):
        line.send(one)
        assert line.answer() == usual


def test_bytes_may_come_in_any_portions(line, key):
    one = request(key, ("login", "ann"))
    (usual,) = learned(line, one)
    for cut in range(1, len(one), 7):
        line.send(one[:cut])
        time.sleep(0.001)
        line.send(one[cut:])
        assert line.answer() == usual


def test_requests_that_come_together_are_answered_in_their_order(line, key):
    tom, ann = request(key, ("login", "tom")), request(key, ("login", "ann"))
    new = [request(key, ("login", "ann"), more=b"x-number: %d\r\n" % i) for i in range(3)]
    of_tom, of_ann = learned(line, tom, ann)
    assert of_tom[2] != of_ann[2]
    for order in (
        [tom, ann, ann, tom],
        [tom, new[0], tom],
        [new[1], tom, ann],
        [ann, new[2], new[2], tom, tom],
    ):
        line.send(b"".join(order))
        expected = [of_tom if one is tom else of_ann for one in order]
        assert [line.answer() for _ in order] == expected


def test_a_head_never_stands_for_another_request_of_the_same_bytes(running, line, key):
    """Two requests in one portion, the second of which has a longer body that is yet to come."""
    stranger = running.key("read")  # who may not look up
    tom = request(key, ("login", "tom"), more=b"x-first: 1\r\n")
    other = request(stranger, ("login", "tom"), ("login", "ann"), more=b"x-second: 1\r\n")
    line.send(tom + other[:-40])
    assert line.answer()[0] == 200
    line.send(other[-40:])
    assert line.answer()[0] == 403
    for _ in range(2):
        line.send(tom)
        assert line.answer()[0] == 200
        line.send(other)
        assert line.answer()[0] == 403


def test_a_key_that_is_taken_back_opens_nothing(running, line):
    secret = running.key()
    one = request(secret, ("login", "tom"))
    learned(line, one)
    running.write_keys(*running._listed[:-1])
    line.send(one)
    assert line.answer()[0] == 401
    running.write_keys(*running._listed)
    line.send(one)
    assert line.answer()[0] == 200


def test_a_key_has_its_limits(running, line):
    secret = running.key("lookup", rate=100)
    one = request(secret, *[("login", "tom")] * 600)
    assert learned(line, one)[0][0] == 200
    statuses = []
    for _ in range(3):
        line.send(one)
        statuses.append(line.answer()[0])
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"identifiers": [{"type": "login", "value": "tom"', 400),
        (b'{"identifiers": [{"type": "card", "value": "tom"}]}', 400),
        (b'{"identifiers": [], "as_of": "yesterday"}', 400),
        (b'{"identifiers": []}', 200),
    ],
)
def test_what_is_wrong_is_told_in_the_usual_way(line, key, body, status):
    good = request(key, ("login", "tom"), body=b'{"identifiers": []}'.ljust(len(body)))
    learned(line, good)
    for _ in range(2):
        line.send(request(key, body=body))
        assert line.answer()[0] == status
        line.send(good)
        assert line.answer()[0] == 200


def test_what_the_stream_changes_is_seen_at_once(running, line, key):
    one = request(key, ("cookie", "passing"))
    (before,) = learned(line, one)
    assert json.loads(before[2])["results"] == [None]
    known = set()
    for i in range(3):
        running.world.apply({"cookie": "passing", "email": f"passing{i}@example.com"})
        line.send(one)
        (found,) = json.loads(line.answer()[2])["results"]
        known.add(len(found["identifiers"]))
    assert known == {2, 3, 4}


def test_who_waits_is_told_so(running, line, key):
    one = request(key, ("login", "ann"))
    learned(line, one, one)
    running.world.redis.hset(overlay.pending_key(1), b"somebody", 1)
    line.send(one)
    status, _, body = line.answer()
    running.world.redis.delete(overlay.pending_key(1))
    assert status == 200
    assert "pending" not in json.loads(body)["results"][0]


def test_streams_have_no_short_cut(line, key):
    body = b'{"type": "login", "value": "tom"}\n'
    stream = request(key, body=body, more=b"content-type: application/x-ndjson\r\n")
    for _ in range(2):
        line.send(stream)
        status, fields, _ = line.answer()
        assert (status, fields["transfer-encoding"]) == (200, "chunked")
        size = int(line._read.readline(), 16)
        assert json.loads(line._read.read(size))["result"]["customer_id"]
        assert line._read.read(len(b"\r\n0\r\n\r\n")) == b"\r\n0\r\n\r\n"


def test_a_head_without_end_is_not_read_on(running, monkeypatch):
    monkeypatch.setattr(protocol, "MOST_HEAD", 5_000)
    with Line(running.port) as line:
        line.send(b"POST /v1/lookup HTTP/1.1\r\nx-long: " + b"a" * 4_000)
        time.sleep(0.05)
        line.send(b"a" * 4_000)
        assert line.answer()[0] == 400
        assert line.answer() is None


def test_a_head_that_does_not_come_is_not_waited_for(running, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_S", 0.2)
    with Line(running.port) as line:
        line.send(b"POST /v1/lookup HTTP/1.1\r\nx-slow: ")
        until(lambda: line._socket.recv(1) == b"", "the connection to end", deadline=10)


def test_silence_ends_a_connection_and_nothing_else_does(running, key, monkeypatch):
    monkeypatch.setattr(running._server.config, "timeout_keep_alive", 0.5)
    one = request(key, ("login", "tom"))
    with Line(running.port) as line:
        learned(line, one)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            line.send(one)
            assert line.answer()[0] == 200
            time.sleep(0.05)
        line.send(one[:-5])  # the rest never comes
        assert line.answer() is None


def test_who_is_being_answered_when_the_server_leaves_is_answered(running, line, key, monkeypatch):
    one = request(key, ("login", "tom"))
    usual, _ = learned(line, one, one)
    asked, tell = [], running.shared.tell
    monkeypatch.setattr(running.shared, "tell", lambda *look: asked.append(look))
    line.send(one)
    until(lambda: asked, "the question")
    (connection,) = running._server.server_state.connections
    running._loop.call_soon_threadsafe(connection.shutdown)
    running._loop.call_soon_threadsafe(tell, *asked[0])
    assert line.answer() == usual
    assert line.answer() is None


def test_who_goes_away_harms_nobody(running, line, key):
    one = request(key, ("login", "tom"))
    (usual,) = learned(line, one)
    for _ in range(5):
        with Line(running.port) as gone:
            gone.send(one)
    line.send(one)
    assert line.answer() == usual


def test_many_connections_share_a_round_trip_and_each_gets_its_own(running, key):
    people = [TOM["login"], ANN["login"]]
    found = {}

    def ask(number):
        with Line(running.port) as line:
            one = request(key, ("login", people[number % 2]))
            found[number] = {json.dumps(answer[2].decode()) for answer in learned(line, *[one] * 20)}

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(answers) == 1 for answers in found.values())
    assert len({answers.pop() for answers in found.values()}) == 2
