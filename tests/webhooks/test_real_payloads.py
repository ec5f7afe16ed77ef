"""Payloads as the services send them: each becomes the right outcome, is ignored on purpose, or lacks what
an event needs (whoever wrote these down left it out) and is kept as a dead letter that says so."""

import json
from pathlib import Path

import pytest

from speed_layer.webhooks.receiver import translate
from speed_layer.webhooks.service import Call
from tests.webhooks.conftest import opened
from tests.webhooks.senders import NOW, SENDERS

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "data" / "esp_webhooks" / "payloads.jsonl"
IGNORED = "ignored"
NO_RECIPIENT, NO_TIME = "recipient: is missing", "timestamp: is missing"

# In the order of the file; of two with one name, the first comes first.
EXPECTED = {
    "amazon_ses": [
        ("test_send_event", "sent"),
        ("test_reject_event", IGNORED),
        ("test_open_event", "open"),
        ("test_click_event", "click"),
        ("test_rendering_failure_event", IGNORED),
        ("test_incorrect_received_event", IGNORED),
        ("test_sns_confirmation_success_notification", IGNORED),
        ("test_sns_unsubscribe_confirmation", IGNORED),
    ],
    "mailgun": [
        ("test_verifies_bad_signature", NO_RECIPIENT),
        ("test_delivered_event", "delivered"),
        ("test_failed_permanent_event", "hard_bounce"),
        ("test_failed_temporary_event", "soft_bounce"),
        ("test_failed_greylisted_event", "soft_bounce"),
        ("test_rejected_event", IGNORED),
        ("test_complained_event", "complaint"),
        ("test_unsubscribed_event", "unsubscribe"),
        ("test_opened_event", "open"),
        ("test_clicked_event", "click"),
        ("test_delivery_status_is_none_event", NO_RECIPIENT),
        # The former form of calls, whose only time is the signed one. It is put back below.
        ("test_dropped_spam", IGNORED),
        ("test_dropped_timed_out", "soft_bounce"),
        ("test_invalid_mailbox", "hard_bounce"),
        ("test_alt_smtp_code", "hard_bounce"),
        ("test_metadata_post_fields", NO_RECIPIENT),
        ("test_metadata_key_conflicts", IGNORED),  # these are variables of a message, not a call
        ("test_metadata_key_conflicts", "click"),
        ("test_tags", NO_RECIPIENT),
        ("test_x_tags", NO_RECIPIENT),
    ],
    "mandrill": [
        ("test_verifies_correct_signature", "msg.email: is missing"),
        ("test_verifies_bad_signature", "msg.email: is missing"),
        ("test_no_basic_auth", "msg.email: is missing"),
        ("test_webhook_url_setting", "msg.email: is missing"),
        ("test_send_event", "sent"),
        ("test_hard_bounce_event", "hard_bounce"),
        ("test_click_event", "click"),
        ("test_sync_event", IGNORED),
        ("test_old_tracking_url", "sent"),
    ],
    "postmark": [
        ("test_bounce_event", "hard_bounce"),
        ("test_delivered_event", "delivered"),
        ("test_open_event", "open"),
        ("test_click_event", "click"),
        ("test_spam_event", "complaint"),
        ("test_unsubscribe", "unsubscribe"),
        ("test_resubscribe", "subscribe"),
        ("test_subscription_change_bounce", "hard_bounce"),
        ("test_bounce_unsubscribe_variant", "Email: is missing"),
    ],
    "sendgrid": [
        ("test_processed_event", "sent"),
        ("test_delivered_event", "delivered"),
        ("test_dropped_invalid_event", "hard_bounce"),
        ("test_dropped_bounced", "hard_bounce"),
        ("test_dropped_unsubscribed_event", IGNORED),
        ("test_bounce_event", "hard_bounce"),
        ("test_deferred_event", "soft_bounce"),
        ("test_open_event", "open"),
        ("test_click_event", "click"),
        ("test_compatibility_message_id_from_smtp_id", "delivered"),
    ],
}
SENDER = {"amazon_ses": "ses"}


@pytest.fixture(scope="module")
def payloads():
    if not PAYLOADS.exists():
        pytest.skip("the real payloads are not on this machine")
    with PAYLOADS.open() as file:
        return [json.loads(line) for line in file]


def body(esp, payload):
    """The payload in the envelope in which the service sends it."""
    if esp == "amazon_ses":
        return json.dumps(payload).encode() if "Type" in payload else SENDERS["ses"].signed([payload], NOW)[0]
    if esp == "mandrill":
        return SENDERS["mandrill"].signed([payload], NOW)[0]
    if esp == "mailgun" and "event-data" not in payload:
        payload = {"timestamp": NOW // 1_000_000, **payload}
    return json.dumps(payload).encode()


def became(esp, payload):
    sender = SENDERS[SENDER.get(esp, esp)]
    taken = translate(opened(sender)[sender.name], Call({}, body(esp, payload), NOW))
    assert len(taken.events) + len(taken.letters) <= 1
    return taken


def said(taken):
    if taken.letters:
        return taken.letters[0].reason.removeprefix("event-data.")
    return taken.events[0].outcome if taken.events else IGNORED


@pytest.mark.parametrize("esp", EXPECTED)
def test_each_becomes_what_it_should(payloads, esp):
    found = [(p["test"], said(became(esp, p["payload"]))) for p in payloads if p["esp"] == esp]
    assert found == EXPECTED[esp]


def test_no_payload_is_left_out(payloads):
    assert {p["esp"] for p in payloads} == EXPECTED.keys()
    assert sum(map(len, EXPECTED.values())) == len(payloads)


def test_what_becomes_an_event_is_whole(payloads):
    events = [event for p in payloads for event in became(p["esp"], p["payload"]).events]
    assert all(list(event.identifiers) == ["email"] for event in events)
    assert all("@" in event.identifiers["email"][0] for event in events)
    # Only examples of Mailgun's do not say of which message they speak.
    assert {event.event_id.partition(":")[0] for event in events if not event.message_id} == {"mailgun"}
    # What cannot be told apart: an example of Mandrill's that stands there twice, one of SendGrid's with
    # another smtp-id, and two of Mailgun's that we gave the same time.
    assert len(events) - len({event.event_id for event in events}) == 3
