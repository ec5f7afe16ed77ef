"""Amazon SNS: topics of ours only, certificates of SNS only, and an answer to nobody else."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from schemas import Unavailable
from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.service import Call
from speed_layer.webhooks.sns import confirmation_url
from tests.webhooks.conftest import opened
from tests.webhooks.senders import NOW, SECOND, SENDERS

DAY = 86_400 * SECOND
QUESTION = {
    "Type": "SubscriptionConfirmation",
    "Message": "You have chosen to subscribe",
    "Token": "t0 ken&x",
    "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription",
}


@pytest.fixture
def ses(monkeypatch):
    ses = SENDERS["ses"]
    monkeypatch.setattr(ses, "fetched", [])
    return ses


@pytest.fixture
def endpoint(ses):
    return opened(ses)["ses"]


def call(body, at=NOW):
    return Call({}, body, at)


def test_a_certificate_is_fetched_once(receiver, ses, endpoint):
    for i in range(3):
        receiver.take(endpoint, ses.call(ses.click(at=NOW + i)))
    assert ses.fetched == [ses.certificate_url]


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123abcd.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-0123abcd.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem\n",
        "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
        "https://169.254.169.254/SimpleNotificationService-0123abcd.pem",
        "file:///etc/passwd",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_asked_for(receiver, ses, endpoint, url):
    body = ses.envelope({"Type": "Notification", "Message": "{}"}, SigningCertURL=url)
    with pytest.raises(Forged, match="not at SNS"):
        receiver.take(endpoint, call(body))
    assert ses.fetched == []


def test_a_topic_of_somebody_else(receiver, ses, endpoint):
    """SNS signs for everybody: the signature is good."""
    theirs = {
        "Type": "Notification",
        "Message": "{}",
        "TopicArn": ses.topic.replace("123456789012", "666666666666"),
    }
    with pytest.raises(Forged, match="topics"):
        receiver.take(endpoint, call(ses.envelope(theirs)))
    assert ses.fetched == []


def test_a_certificate_that_cannot_be_had(receiver, ses, endpoint):
    url = ses.certificate_url.replace("0123", "4567")
    with pytest.raises(Unavailable):
        receiver.take(
            endpoint, call(ses.envelope({"Type": "Notification", "Message": "{}"}, SigningCertURL=url))
        )


def test_a_certificate_that_has_expired(receiver, ses, endpoint, monkeypatch):
    monkeypatch.setattr(ses, "_certificate", ses.made_certificate(ses.key, NOW - 31 * DAY))
    with pytest.raises(Forged, match="expired"):
        receiver.take(endpoint, ses.call(ses.click()))


def test_a_certificate_with_another_key(receiver, ses, endpoint, monkeypatch):
    other = rsa.generate_private_key(65_537, 2_048)
    monkeypatch.setattr(ses, "_certificate", ses.made_certificate(other, NOW))
    with pytest.raises(Forged, match="does not fit"):
        receiver.take(endpoint, ses.call(ses.click()))


def test_the_first_version_of_signatures(receiver, topics, ses, endpoint, monkeypatch):
    monkeypatch.setattr(ses, "version", "1")
    receiver.take(endpoint, ses.call(ses.click()))
    assert len(topics.sent) == 1


def test_a_version_cannot_be_passed_off_as_another(receiver, ses, endpoint):
    body = ses.envelope({"Type": "Notification", "Message": "{}"}, SignatureVersion="1")
    with pytest.raises(Forged):
        receiver.take(endpoint, call(body))


def test_a_subscription_is_confirmed_where_the_topic_is(receiver, topics, ses, endpoint):
    """Not where the question says: no address of a caller's is visited."""
    body = ses.envelope(QUESTION)
    receiver.take(endpoint, call(body))
    topic = "arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Ases-events"
    question = f"?Action=ConfirmSubscription&TopicArn={topic}&Token=t0%20ken%26x"
    assert ses.fetched[1:] == [f"https://sns.eu-west-1.amazonaws.com/{question}"]
    assert receiver.take(endpoint, call(body)).repeated
    assert len(ses.fetched) == 2
    assert topics.sent == []


@pytest.mark.parametrize("changed", [{"Token": "another"}, {"TopicArn": "arn:aws:sns:eu-west-1:6:theirs"}])
def test_a_forged_question_is_not_answered(receiver, ses, endpoint, changed):
    with pytest.raises(Forged):
        receiver.take(endpoint, call(ses.envelope(QUESTION, **changed)))
    assert not any("Confirm" in url for url in ses.fetched)


def test_an_old_question_is_not_answered(receiver, ses, endpoint):
    with pytest.raises(Exception, match="older than"):
        receiver.take(endpoint, call(ses.envelope(QUESTION, at=NOW - DAY)))
    assert not any("Confirm" in url for url in ses.fetched)


def test_a_topic_says_good_bye(receiver, topics, ses, endpoint, caplog):
    receiver.take(endpoint, call(ses.envelope({**QUESTION, "Type": "UnsubscribeConfirmation"})))
    assert "was that meant?" in caplog.text
    assert (ses.fetched, topics.sent) == ([ses.certificate_url], [])


def test_where_topics_are():
    assert confirmation_url("arn:aws-cn:sns:cn-north-1:1:t", "x").startswith(
        "https://sns.cn-north-1.amazonaws.com.cn/?"
    )
    with pytest.raises(Forged):
        confirmation_url("arn:aws:sns:evil.example/:1:t", "x")


def test_a_click_in_a_mail_to_two_links_nobody(receiver, topics, ses, endpoint):
    click = ses.click()
    click["mail"]["destination"].append("tom@example.com")
    assert receiver.take(endpoint, ses.call(click)).ignored == 1
    assert topics.sent == []


def test_a_bounce_of_two_is_two_events(receiver, ses, endpoint):
    recipients = [{"emailAddress": f"{name}@example.com"} for name in ("ann", "tom")]
    bounce = {"bounceType": "Permanent", "timestamp": "2026-01-01T23:59:00Z", "bouncedRecipients": recipients}
    mail = {"messageId": "m-1", "destination": ["ann@example.com", "tom@example.com", "eve@example.com"]}
    taken = receiver.take(endpoint, ses.call({"notificationType": "Bounce", "mail": mail, "bounce": bounce}))
    assert {event.identifiers["email"][0] for event in taken.events} == {"ann@example.com", "tom@example.com"}
    assert len({event.event_id for event in taken.events}) == 2
    assert {event.outcome for event in taken.events} == {"hard_bounce"}


def test_what_is_not_signed_does_not_matter(receiver, topics, ses, endpoint):
    """A link to unsubscribe may differ when SNS tries again."""
    came = ses.call(ses.click())
    receiver.take(endpoint, came)
    other = json.dumps({**json.loads(came.body), "UnsubscribeURL": "https://x.example"}).encode()
    assert receiver.take(endpoint, replace(came, body=other)).repeated
    assert len(topics.sent) == 1
