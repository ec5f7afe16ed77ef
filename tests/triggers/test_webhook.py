"""What is sent is signed as receivers' libraries check it, and what a receiver says is understood."""

import asyncio

import pytest

from speed_layer.triggers.webhook import NotTaken, Webhook, headers, key_of

KEY = b"k" * 32


def test_the_signature_is_that_of_standard_webhooks():
    """The example of the specification."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert signed["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize(
    ("message_id", "at", "body"), [("a", 1, b"x"), ("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y")]
)
def test_each_of_id_time_and_body_is_signed(message_id, at, body):
    same = (message_id, at, body) == ("a", 1, b"x")
    signature = headers(KEY, message_id, at, body)["webhook-signature"]
    assert (signature == headers(KEY, "a", 1, b"x")["webhook-signature"]) is same


@pytest.mark.parametrize(
    "text", ["", "secret", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "whsec_" + "A" * 100, "A" * 44]
)
def test_what_is_no_key(text):
    assert key_of(text) is None


@pytest.mark.parametrize(
    ("status", "for_good"),
    [
        (301, True),
        (400, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_a_receiver_that_does_not_take_it(receiver, status, for_good):
    receiver.statuses["/x"] = [status]
    with pytest.raises(NotTaken, match=f"^HTTP {status}$") as refused:
        asyncio.run(Webhook(KEY).post(f"{receiver.url}/x", "id", b"{}"))
    assert refused.value.for_good is for_good


def test_a_receiver_that_is_away():
    with pytest.raises(NotTaken, match=r"^ClientConnectorError$") as refused:
        asyncio.run(Webhook(KEY).post("http://127.0.0.1:1/x", "id", b"{}"))
    assert not refused.value.for_good


def test_a_receiver_that_takes_it(receiver):
    asyncio.run(Webhook(KEY, lambda: 17.9).post(f"{receiver.url}/good", "id", b"{}"))
    (post,) = receiver.taken("/good")
    signed = headers(KEY, "id", 17, b"{}")
    assert {name: post.headers[name] for name in signed} == signed
