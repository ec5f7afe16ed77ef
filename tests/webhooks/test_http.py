"""The HTTP face: statuses, limits, counters; and nothing that anybody sends makes it fail."""

import asyncio
import json
import logging

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas import DEAD_LETTERS, EMAIL
from speed_layer.webhooks.http import MOST_BYTES, application
from speed_layer.webhooks.metrics import Metrics
from speed_layer.webhooks.receiver import MOST_EVENTS, Receiver
from speed_layer.webhooks.replays import Replays
from tests.webhooks.conftest import Topics, opened
from tests.webhooks.senders import ANN, NOW, SENDERS


class World:
    """All services' endpoints behind one application."""

    def __init__(self, redis):
        self.topics = Topics()
        self.metrics = Metrics()
        endpoints = opened(*SENDERS.values(), cookie={"parameter": "visitor"})
        receiver = Receiver(Replays(redis), self.topics)
        self._app = application(endpoints, receiver, self.metrics, clock=lambda: NOW * 1_000)

    def request(self, method, path, **content):
        """An error inside the application becomes a 500, as behind a server."""
        return asyncio.run(self._request(method, path, **content))

    async def _request(self, method, path, **content):
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ucid") as client:
            return await client.request(method, path, **content)

    def post(self, name, body, headers=None):
        return self.request("POST", f"/v1/webhooks/{name}", content=body, headers=headers)

    def call(self, sender, *events):
        call = sender.call(*events)
        return self.post(sender.name, call.body, dict(call.headers))

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"ucid_webhooks_{name}_total", labels)


@pytest.fixture
def world(redis):
    return World(redis)


def test_a_call_and_its_repetition(world, sender):
    name = sender.name
    for repeated in (False, True):
        response = world.call(sender, sender.click())
        assert (response.status_code, response.json()) == (
            200,
            {"events": int(not repeated), "ignored": 0, "dead_letters": 0, "repeated": repeated},
        )
    assert [topic for topic, _ in world.topics.sent] == [EMAIL]
    assert world.counted("events", endpoint=name, outcome="click") == 1
    assert world.counted("calls", endpoint=name, result="taken") == 1
    assert world.counted("calls", endpoint=name, result="repeated") == 1


def test_what_is_not_believed(world, sender):
    response = world.post(sender.name, json.dumps(sender.click()))
    assert response.status_code == 403
    assert ANN not in response.text
    assert world.counted("calls", endpoint=sender.name, result="forged") == 1
    assert world.topics.sent == []


def test_what_is_ignored_and_what_is_garbage_is_counted(world):
    sender = SENDERS["sendgrid"]
    response = world.call(sender, sender.unknown(), 7, sender.click())
    assert response.json() == {"events": 1, "ignored": 1, "dead_letters": 1, "repeated": False}
    assert world.counted("ignored", endpoint="sendgrid") == 1
    assert world.counted("dead_letters", endpoint="sendgrid") == 1


def test_a_proven_call_that_cannot_be_cut_into_events_is_kept_whole(world):
    sender = SENDERS["generic"]
    body = b'{"no": "events"}'
    _, headers = sender.signed([], NOW)
    from tests.webhooks.senders import digits

    headers["X-Signature"] = digits(sender.secret, headers["X-Timestamp"].encode() + body)
    assert world.post("generic", body, headers).json()["dead_letters"] == 1
    ((topic, payload),) = world.topics.sent
    assert topic == DEAD_LETTERS
    assert body in payload


def test_kafka_is_away(world, sender):
    world.topics.away = True
    response = world.call(sender, sender.click())
    assert response.status_code == 503
    assert world.counted("calls", endpoint=sender.name, result="unavailable") == 1
    world.topics.away = False
    assert world.call(sender, sender.click()).json()["events"] == 1


def test_redis_is_away(tmp_path, sender):
    with Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0)) as nowhere:
        world = World(nowhere)
        assert world.call(sender, sender.click()).status_code == 503
        assert world.topics.sent == []
        assert world.post(sender.name, b"{}").status_code == 403


def test_limits(world):
    sender = SENDERS["sendgrid"]
    assert world.post("sendgrid", b" " * MOST_BYTES).status_code == 403
    response = world.post("sendgrid", b" " * (MOST_BYTES + 1))
    assert (response.status_code, "larger than" in response.text) == (413, True)
    assert world.call(sender, *[{"event": "?"}] * MOST_EVENTS).json()["ignored"] == MOST_EVENTS
    response = world.call(sender, *[{"event": "?"}] * (MOST_EVENTS + 1))
    assert (response.status_code, f"at most {MOST_EVENTS}" in response.text) == (413, True)
    deep = json.loads("[" * 40 + "]" * 40)
    assert world.call(sender, {**sender.click(), "deep": deep}).json()["dead_letters"] == 1
    assert world.topics.sent[0][0] == DEAD_LETTERS
    assert world.counted("calls", endpoint="sendgrid", result="too_much") == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/v1/webhooks/mandrill", 200),
        ("GET", "/v1/webhooks/mandrill", 405),
        ("POST", "/v1/webhooks/nobody", 404),
        ("POST", "/v1/webhooks/", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_what_is_offered(world, method, path, status):
    assert world.request(method, path).status_code == status


def test_metrics_name_no_person(world, sender):
    world.call(sender, sender.click())
    text = world.request("GET", "/metrics").text
    assert "ucid_webhooks_events_total" in text
    assert "ann" not in text
    assert "v-77" not in text


def test_logs_name_no_person(world, sender, caplog):
    caplog.set_level(logging.DEBUG)
    world.post(sender.name, json.dumps(sender.click()))
    world.topics.away = True
    world.call(sender, sender.click())
    world.topics.away = False
    world.call(sender, sender.click(email=""))
    world.call(sender, sender.click())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("speed_layer")]
    assert len(ours) == 2
    for text in (ANN, "v-77", "example.com", sender.env.get(f"{sender.name.upper()}_SECRET", "?")):
        assert not any(text in line for line in ours)


NAMES = st.sampled_from([*SENDERS])
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("authorization", "x-mandrill-signature", "x-signature", "x-timestamp", "content-type"),
            *(f"x-twilio-email-event-webhook-{x}" for x in ("signature", "timestamp")),
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def fuzzed(server):
    return World(server.client())


@given(name=NAMES, headers=HEADERS, body=st.binary(max_size=300) | JSON.map(lambda x: json.dumps(x).encode()))
def test_no_bytes_make_it_fail(fuzzed, name, headers, body):
    encoded = {key: value.strip().encode("latin-1") for key, value in headers.items()}
    before = len(fuzzed.topics.sent)
    assert fuzzed.post(name, body, encoded).status_code == 403
    assert len(fuzzed.topics.sent) == before


@given(name=NAMES, data=st.data())
def test_nothing_that_a_service_signs_makes_it_fail(fuzzed, name, data):
    """Whatever stands in an event: it is taken, ignored, or a dead letter; only its time may refuse it."""
    sender = SENDERS[name]
    event = sender.click()
    for _ in range(data.draw(st.integers(1, 3))):
        holder = data.draw(st.sampled_from([event, *(x for x in event.values() if isinstance(x, dict))]))
        if holder:
            holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(JSON)
    response = fuzzed.call(sender, event)
    if response.status_code == 200:
        body = response.json()
        assert body["repeated"] or body["events"] + body["ignored"] + body["dead_letters"] == 1
    else:
        assert (response.status_code, "older than" in response.text) == (403, True)
