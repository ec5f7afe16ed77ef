"""What is peculiar to one service."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.receiver import translate
from speed_layer.webhooks.replays import Replays, call_key
from speed_layer.webhooks.service import HOUR, Call
from tests.webhooks.conftest import opened
from tests.webhooks.senders import ANN, NOW, SENDERS, digits

SIGNATURE = "x-twilio-email-event-webhook-signature"


def outcomes(name, *events, **more):
    """What each event becomes on its own: an outcome, or nothing."""
    sender = SENDERS[name]
    endpoint = opened(sender, **more)[name]
    return [[x.outcome for x in translate(endpoint, sender.call(event)).events] for event in events]


def test_the_twin_of_a_signature_is_the_same_call(receiver, topics):
    """With (r, s), (r, -s) fits too: it is no other call."""
    sender = SENDERS["sendgrid"]
    endpoint, call = opened(sender)["sendgrid"], sender.call(sender.click())
    receiver.take(endpoint, call)
    r, s = decode_dss_signature(base64.b64decode(call.headers[SIGNATURE]))
    order = SECP256R1.group_order
    twin = base64.b64encode(encode_dss_signature(r, order - s)).decode()
    assert twin != call.headers[SIGNATURE]
    assert receiver.take(endpoint, replace(call, headers={**call.headers, SIGNATURE: twin})).repeated
    assert len(topics.sent) == 1


def test_a_token_of_mailgun_is_for_one_event(receiver, topics):
    """Also where Kafka was away when it came first."""
    sender = SENDERS["mailgun"]
    endpoint, call = opened(sender)["mailgun"], sender.call(sender.click())
    forged = replace(call, body=call.body.replace(b"ann@", b"eve@"))
    topics.away = True
    with pytest.raises(Exception, match="timed out"):
        receiver.take(endpoint, call)
    topics.away = False
    with pytest.raises(Forged, match="used before"):
        receiver.take(endpoint, forged)
    assert not receiver.take(endpoint, call).repeated
    with pytest.raises(Forged, match="used before"):
        receiver.take(endpoint, forged)
    assert len(topics.sent) == 1


def test_no_digit_wanders_between_time_and_body(receiver):
    """Time and body are signed as one text; the time's digits end where the body begins."""
    sender = SENDERS["generic"]
    endpoint = opened(sender)["generic"]
    signature = digits(sender.secret, b"17673120005 {}")
    for time, body in (
        ("17673120005 ", b"{}"),
        ("17673120005 {}", b""),
        ("", b"17673120005 {}"),
        ("-1", b""),
    ):
        with pytest.raises(Forged):
            receiver.take(endpoint, Call({"x-timestamp": time, "x-signature": signature}, body, NOW))


def test_postmark_with_a_header_of_its_own(receiver):
    sender = SENDERS["postmark"]
    endpoint = opened(sender, header="X-Token")["postmark"]
    body = json.dumps(sender.click()).encode()
    assert receiver.take(endpoint, Call({"x-token": sender.secret}, body, NOW)).events
    for headers in ({}, {"x-token": "guess"}, sender.call(sender.click()).headers):
        with pytest.raises(Forged):
            receiver.take(endpoint, Call(headers, body, NOW))


def test_names_and_values_of_mandrill_are_not_mixed(receiver):
    """Names and values are signed as one text: a form that is cut elsewhere has the same signature."""
    sender = SENDERS["mandrill"]
    endpoint, call = opened(sender)["mandrill"], sender.call(sender.click())
    for body in (
        call.body.replace(b"mandrill_events=", b"mandrill_event=s"),
        call.body.replace(b"mandrill_events=", b"mandrill_events=&="),
        b"",
    ):
        with pytest.raises(Forged):
            receiver.take(endpoint, replace(call, body=body))
    assert receiver.take(endpoint, call).events


def test_what_mailgun_gave_up_or_never_tried():
    event = {"event": "failed", "recipient": ANN, "timestamp": NOW / 1e6, "severity": "permanent"}
    told = [
        {**event, "reason": reason}
        for reason in ("suppress-bounce", "suppress-unsubscribe", "old", "generic")
    ]
    assert outcomes("mailgun", *told) == [["hard_bounce"], [], ["soft_bounce"], ["hard_bounce"]]


def test_blocked_is_a_soft_bounce_at_sendgrid():
    bounce = {"event": "bounce", "email": ANN, "timestamp": NOW // 10**6}
    told = [{**bounce, "type": type_} for type_ in ("bounce", "blocked")]
    assert outcomes("sendgrid", bounce, *told) == [["hard_bounce"], ["hard_bounce"], ["soft_bounce"]]


def test_who_unsubscribes_from_all_lists_of_amazon():
    mail = {"messageId": "m-1", "destination": [ANN]}
    told = [
        {
            "eventType": "Subscription",
            "mail": mail,
            "subscription": {
                "timestamp": "2026-01-02T00:00:00Z",
                "newTopicPreferences": {"unsubscribeAll": from_all},
            },
        }
        for from_all in (True, False)
    ]
    assert outcomes("ses", *told) == [["unsubscribe"], []]


def test_bounces_of_postmark_and_what_only_looks_like_one():
    bounce = {"RecordType": "Bounce", "Email": ANN, "BouncedAt": "2026-01-02T00:00:00.1234567+01:00"}
    kinds = ("HardBounce", "SoftBounce", "Unsubscribe", "AutoResponder", "ChallengeVerification")
    assert outcomes("postmark", *[{**bounce, "Type": kind} for kind in kinds]) == [
        ["hard_bounce"],
        ["soft_bounce"],
        ["unsubscribe"],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("name", "path", "event"),
    [
        ("sendgrid", "category", {"category": ["spring", "all"]}),
        ("mailgun", "event-data.user-variables.campaign", {"user-variables": {"campaign": "spring"}}),
        ("postmark", "Metadata.campaign", {"Metadata": {"campaign": "spring"}}),
        (
            "ses",
            "mail.tags.what",
            {"mail": {"messageId": "1", "destination": [ANN], "tags": {"what": ["spring"]}}},
        ),
        ("mandrill", "msg.metadata.campaign", {"msg": {"email": ANN, "metadata": {"campaign": "spring"}}}),
        ("generic", "campaign.id", {"campaign": {"id": "spring"}}),
    ],
)
def test_a_campaign_by_its_path(name, path, event):
    sender = SENDERS[name]
    endpoint = opened(sender, campaign=path)[name]
    (found,) = translate(endpoint, sender.call({**sender.click(), **event})).events
    assert found.campaign_id == "spring"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (1_767_312_000, NOW),
        (1_767_312_000.5, NOW + 500_000),
        (1_767_312_000_500, NOW + 500_000),
        ("1767312000", NOW),
        ("1767312000.5", NOW + 500_000),
        ("2026-01-02T00:00:00Z", NOW),
        ("2026-01-02T01:00:00.1234567+01:00", NOW + 123_456),
        ("2026-01-02T00:00:00", "when: expected a time"),
        ("yesterday", "when: expected a time"),
        (True, "when: expected a time"),
        (10**30, "when: expected a time"),
        ("9" * 5_000, "when: expected a time"),
        (None, "when: is missing"),
        (0, "occurred_at: is before 1990"),
    ],
)
def test_times(time, told):
    sender = SENDERS["generic"]
    taken = translate(opened(sender)["generic"], sender.call({**sender.click(), "when": time}))
    if isinstance(told, int):
        assert [event.occurred_at for event in taken.events] == [told]
    else:
        assert [letter.reason.startswith(told) for letter in taken.letters] == [True]


def test_what_a_call_takes_in_redis(redis):
    """As decision 12 says: 150 bytes."""
    replays, key = Replays(redis), call_key("default", "newsletter", b"1")
    replays.taken(key, b"", HOUR)
    (name,) = redis.keys()
    # Its entry among the keys that expire is not counted: 32 bytes, and its share of a table.
    assert redis.memory_usage(name) + 40 == pytest.approx(150, rel=0.2)
