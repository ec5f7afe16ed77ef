"""What holds for every service: the same suite over each, and none left out."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from confluent_kafka import KafkaException

from schemas import DEAD_LETTERS, EMAIL, Unavailable, decode
from speed_layer.webhooks.errors import Forged, Refused, Stale
from speed_layer.webhooks.receiver import AHEAD, Receiver
from speed_layer.webhooks.registry import SERVICES
from speed_layer.webhooks.replays import Replays
from tests.webhooks.conftest import opened
from tests.webhooks.senders import ANN, NOW, SECOND, SENDERS

HOUR = 3_600 * SECOND


def events(topics):
    assert {topic for topic, _ in topics.sent} <= {EMAIL}
    return [decode(EMAIL, payload, NOW) for _, payload in topics.sent]


def test_no_service_is_without_this_suite():
    assert SENDERS.keys() == SERVICES.keys()


def test_a_click_links_address_and_cookie(receiver, topics, endpoint, sender):
    taken = receiver.take(endpoint, sender.call(sender.click()))
    (event,) = events(topics)
    assert (event.outcome, event.identifiers) == ("click", {"email": [ANN], "cookie": ["v-77"]})
    assert (event.occurred_at, event.tenant) == (NOW, "default")
    assert event.event_id.startswith(f"{sender.name}:")
    assert (len(taken.events), taken.ignored, taken.letters, taken.repeated) == (1, 0, [], False)


def test_a_secret_that_is_not_theirs(receiver, topics, endpoint, sender):
    forger = type(sender)()
    if "secret" not in vars(forger):  # SendGrid and SES make keys of their own
        forger.secret = "a guess"
    with pytest.raises(Forged):
        receiver.take(endpoint, forger.call(sender.click()))
    assert topics.sent == []


def test_nothing_signed(receiver, topics, endpoint, sender):
    call = sender.call(sender.click())
    body = call.body.replace(b"ignature", b"ign") if sender.name in {"mailgun", "ses"} else call.body
    with pytest.raises(Forged):
        receiver.take(endpoint, replace(call, headers={}, body=body))
    assert topics.sent == []


def test_too_old(receiver, topics, endpoint, sender):
    oldest = sender.call(sender.click(at=NOW - endpoint.max_age), at=NOW - endpoint.max_age)
    too_old = sender.call(
        sender.click(at=NOW - endpoint.max_age - SECOND), at=NOW - endpoint.max_age - SECOND
    )
    with pytest.raises(Stale):
        receiver.take(endpoint, replace(too_old, at=NOW))
    assert topics.sent == []
    receiver.take(endpoint, replace(oldest, at=NOW))
    assert len(topics.sent) == 1


def test_a_shorter_age(receiver, sender):
    endpoint = opened(sender, max_age="10m")[sender.name]
    call = sender.call(sender.click(at=NOW - HOUR), at=NOW - HOUR)
    with pytest.raises(Stale):
        receiver.take(endpoint, replace(call, at=NOW))


def those(**having):
    """The services of which this is true."""
    found = [x for x in SENDERS.values() if all(getattr(x, name) == value for name, value in having.items())]
    return pytest.mark.parametrize("sender", found, ids=[x.name for x in found])


@those(time_is_signed=True)
def test_signed_for_the_future(receiver, topics, endpoint, sender):
    call = sender.call(sender.click(), at=NOW + AHEAD + SECOND)
    with pytest.raises(Stale, match="one of the two clocks"):
        receiver.take(endpoint, replace(call, at=NOW))
    assert topics.sent == []


@those(time_is_signed=False)
def test_events_of_the_future(receiver, topics, endpoint, sender):
    receiver.take(endpoint, sender.call(sender.click(at=NOW + 25 * HOUR)))
    assert [topic for topic, _ in topics.sent] == [DEAD_LETTERS]


def test_a_clock_a_little_ahead(receiver, topics, endpoint, sender):
    at = NOW + AHEAD
    receiver.take(endpoint, replace(sender.call(sender.click(at=NOW), at=at), at=NOW))
    assert len(topics.sent) == 1


def test_the_same_call_twice(redis, receiver, topics, endpoint, sender):
    call = sender.call(sender.click())
    receiver.take(endpoint, call)
    again = receiver.take(endpoint, call)
    another_process = Receiver(Replays(redis), topics).take(endpoint, replace(call, at=NOW + HOUR // 2))
    assert (again.repeated, another_process.repeated) == (True, True)
    assert (again.events, another_process.events) == ([], [])
    assert len(topics.sent) == 1


def test_a_call_is_remembered_until_it_is_too_old(redis, receiver, endpoint, sender):
    receiver.take(endpoint, sender.call(sender.click()))
    (key,) = redis.keys()
    assert endpoint.max_age / 1_000 < redis.pttl(key) <= (endpoint.max_age + 24 * HOUR) / 1_000


def test_one_byte_is_another(receiver, topics, endpoint, sender):
    """Of a call that was seen on its way. Where the body is not signed, it was taken already."""
    call = sender.call(sender.click())
    receiver.take(endpoint, call)
    rng = random.Random(1)
    for _ in range(200):
        place = rng.randrange(len(call.body))
        body = bytearray(call.body)
        body[place] ^= 1 << rng.randrange(8)
        if sender.name == "postmark":
            headers = dict(call.headers)
            text = bytearray(headers["authorization"].encode())
            text[rng.randrange(len(text))] ^= 1 << rng.randrange(7)
            mutated = replace(call, headers={"authorization": text.decode("latin-1")})
        else:
            mutated = replace(call, body=bytes(body))
        with suppress(Refused, Unavailable):
            assert receiver.take(endpoint, mutated).repeated, "it means the same"
    assert len(topics.sent) == 1


def test_a_signature_with_another_byte(receiver, topics, endpoint, sender):
    call = sender.call(sender.click())
    for name, value in call.headers.items():
        for place in range(0, len(value) - 2, 7):  # the last may stand for no bit
            other = value[:place] + ("1" if value[place] != "1" else "2") + value[place + 1 :]
            with pytest.raises(Refused):
                receiver.take(endpoint, replace(call, headers={**call.headers, name: other}))
    assert topics.sent == []


@those(body_is_signed=True)
def test_a_signature_for_another_body(receiver, topics, endpoint, sender):
    call, other = sender.call(sender.click()), sender.call(sender.click(email="eve@example.com"))
    if call.headers:
        with pytest.raises(Forged):
            receiver.take(endpoint, replace(call, body=other.body))
    with pytest.raises(Forged):
        receiver.take(endpoint, replace(call, body=call.body.replace(b"ann", b"eve")))
    assert topics.sent == []


def test_a_kind_that_nobody_knows_is_counted(receiver, topics, endpoint, sender):
    taken = receiver.take(endpoint, sender.call(sender.unknown()))
    assert (taken.ignored, topics.sent) == (1, [])


def test_an_event_without_an_address_is_kept_with_its_bytes(receiver, topics, endpoint, sender):
    call = sender.call(sender.click(email=""))
    taken = receiver.take(endpoint, call)
    (letter,) = taken.letters
    assert letter.value in call.body or sender.name in {"ses", "mandrill"}  # JSON within JSON, or a form
    assert b"shop.example" in letter.value
    assert "is missing" in letter.reason or "is no e-mail address" in letter.reason
    assert letter.topic == f"webhooks/{sender.name}"
    assert [topic for topic, _ in topics.sent] == [DEAD_LETTERS]


@pytest.mark.parametrize("name", ["sendgrid", "mandrill", "generic"])
def test_the_good_ones_of_a_batch_are_taken(receiver, topics, name):
    sender = SENDERS[name]
    endpoint = opened(sender)[name]
    batch = [sender.click(), 7, {}, sender.unknown(), None, [], sender.click(email="tom@example.com")]
    taken = receiver.take(endpoint, sender.call(*batch))
    assert [event.identifiers["email"] for event in taken.events] == [[ANN], ["tom@example.com"]]
    assert taken.letters[0].value == b"7"
    assert taken.ignored + len(taken.letters) == 5
    assert [topic for topic, _ in topics.sent] == [DEAD_LETTERS] * len(taken.letters) + [EMAIL] * 2


def test_what_kafka_does_not_have_comes_again(receiver, topics, endpoint, sender):
    call = sender.call(sender.click())
    topics.away = True
    with pytest.raises(KafkaException):
        receiver.take(endpoint, call)
    topics.away = False
    assert not receiver.take(endpoint, call).repeated
    assert len(topics.sent) == 1


def test_a_redelivery_is_the_same_event(redis, receiver, topics, endpoint, sender):
    """Also where nobody remembers the call, and where the service signs it anew."""
    receiver.take(endpoint, sender.call(sender.click()))
    redis.flushall()
    receiver.take(endpoint, replace(sender.call(sender.click(), at=NOW + SECOND), at=NOW))
    one, other = events(topics)
    assert one == other
    receiver.take(endpoint, sender.call(sender.click(at=NOW + SECOND, url="https://shop.example/other")))
    assert len({event.event_id for event in events(topics)}) == 2


def test_endpoints_do_not_share_their_memory(receiver, topics, sender):
    """Whose account it is, a call to one endpoint says nothing of one to another."""
    first = opened(sender)[sender.name]
    for endpoint in (first, replace(first, name="another"), replace(first, tenant="another")):
        assert not receiver.take(endpoint, sender.call(sender.click())).repeated
    assert len(topics.sent) == 3


@pytest.mark.parametrize(
    ("url", "cookies"),
    [
        ("https://shop.example/sale", None),
        ("https://shop.example/sale?visitor=", None),
        ("https://shop.example/sale?visitor=1&visitor=2", None),
        ("https://[shop.example/sale?visitor=1", None),
        ("not a link", None),
        ("", None),
        ("https://shop.example/?a=b&visitor=ga.1%2E2#visitor=3", ["ga.1.2"]),
    ],
)
def test_cookies_in_links(receiver, topics, endpoint, sender, url, cookies):
    receiver.take(endpoint, sender.call(sender.click(url=url)))
    (event,) = events(topics)
    assert event.identifiers.get("cookie") == cookies
