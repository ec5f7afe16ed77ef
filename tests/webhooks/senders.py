"""Every service as it calls us: small events of our own in its words, signed as it signs."""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from schemas import Unavailable
from speed_layer.webhooks.service import Call

NOW = 1_767_312_000_000_000  # 2026-01-02
SECOND = 1_000_000
ANN = "ann@example.com"
SHOP = "https://shop.example/sale?visitor=v-77"


def seconds(at):
    return at // SECOND


def rfc3339(at):
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digits(secret, content, algorithm=hashlib.sha256):
    return hmac.new(secret.encode(), content, algorithm).hexdigest()


class Sender:
    """One service; whether its signature covers what it tells, and when."""

    body_is_signed = True
    time_is_signed = True
    secret = "a secret of the service"

    @property
    def entry(self):
        return {"service": self.name, "secret": {"env": f"{self.name.upper()}_SECRET"}}

    @property
    def env(self):
        return {f"{self.name.upper()}_SECRET": self.secret}

    def call(self, *events, at=NOW):
        """A call that the service makes `at` of these events."""
        body, headers = self.signed(events, at)
        return Call({name.lower(): value for name, value in headers.items()}, body, at)


class SendGrid(Sender):
    name = "sendgrid"

    @cached_property
    def _key(self):
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def secret(self):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(
            self._key.public_key().public_bytes(serialization.Encoding.DER, form)
        ).decode()

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {
            "event": "click",
            "email": email,
            "timestamp": seconds(at),
            "url": url,
            "sg_event_id": f"e{at}",
        }

    def unknown(self):
        return {"event": "a_kind_of_tomorrow", "email": ANN}

    def signed(self, events, at):
        body, time = json.dumps(events).encode(), str(seconds(at)).encode()
        signature = base64.b64encode(self._key.sign(time + body, ec.ECDSA(hashes.SHA256())))
        prefix = "X-Twilio-Email-Event-Webhook-"
        return body, {f"{prefix}Signature": signature.decode(), f"{prefix}Timestamp": time.decode()}


class Mailgun(Sender):
    name = "mailgun"
    body_is_signed = False

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {"event": "clicked", "recipient": email, "timestamp": at / SECOND, "url": url, "id": f"e{at}"}

    def unknown(self):
        return {"event": "list_member_uploaded", "recipient": ANN}

    def signed(self, events, at):
        (event,) = events
        time, token = str(seconds(at)), hashlib.sha256(f"{event}{at}".encode()).hexdigest()[:50]
        signature = {
            "timestamp": time,
            "token": token,
            "signature": digits(self.secret, (time + token).encode()),
        }
        return json.dumps({"signature": signature, "event-data": event}).encode(), {}


class Postmark(Sender):
    name = "postmark"
    time_is_signed = False
    body_is_signed = False
    secret = "postmark:opensesame"

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {
            "RecordType": "Click",
            "Recipient": email,
            "ReceivedAt": rfc3339(at),
            "OriginalLink": url,
            "MessageID": "m-1",
        }

    def unknown(self):
        return {"RecordType": "Inbound", "From": ANN}

    def signed(self, events, _):
        (event,) = events
        return json.dumps(event).encode(), {
            "Authorization": "Basic " + base64.b64encode(self.secret.encode()).decode()
        }


class Ses(Sender):
    name = "ses"
    topic = "arn:aws:sns:eu-west-1:123456789012:ses-events"
    certificate_url = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
    version = "2"

    def __init__(self, now=NOW):
        self.key = rsa.generate_private_key(65_537, 2_048)
        self.fetched = []
        self._certificate = self.made_certificate(self.key, now)

    @property
    def entry(self):
        return {"service": "ses", "topics": [self.topic]}

    @property
    def env(self):
        return {}

    @staticmethod
    def made_certificate(key, now):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        day = datetime.fromtimestamp(now / SECOND, UTC)
        return (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(day - timedelta(days=30))
            .not_valid_after(day + timedelta(days=30))
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def fetch(self, url):
        """The only things that may ever be asked for, of which one certificate is there."""
        self.fetched.append(url)
        if url == self.certificate_url:
            return self._certificate
        if re.fullmatch(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[A-Za-z0-9-]+\.pem", url):
            raise Unavailable("it is not there")
        assert url.startswith(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn%3A"
        )
        return b"<ConfirmSubscriptionResponse/>"

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {
            "eventType": "Click",
            "mail": {"messageId": "m-1", "destination": [email]},
            "click": {"timestamp": rfc3339(at), "link": url},
        }

    def unknown(self):
        return {"eventType": "Rendering Failure", "mail": {"messageId": "m-1", "destination": [ANN]}}

    def signed(self, events, at):
        (event,) = events
        return self.envelope({"Type": "Notification", "Message": json.dumps(event)}, at), {}

    def envelope(self, more, at=NOW, **replaced):
        found = {
            "MessageId": hashlib.sha256(f"{more}{at}".encode()).hexdigest(),
            "TopicArn": self.topic,
            "Timestamp": rfc3339(at),
            "SignatureVersion": self.version,
            "SigningCertURL": self.certificate_url,
            **more,
        }
        names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{found[name]}\n" for name in names if name in found).encode()
        algorithm = hashes.SHA1() if self.version == "1" else hashes.SHA256()
        found["Signature"] = base64.b64encode(self.key.sign(text, padding.PKCS1v15(), algorithm)).decode()
        return json.dumps(found | replaced).encode()


class Mandrill(Sender):
    name = "mandrill"
    time_is_signed = False
    url = "https://hooks.example.com/v1/webhooks/mandrill"

    @property
    def entry(self):
        return {**super().entry, "url": self.url}

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {"event": "click", "_id": "m-1", "ts": seconds(at), "url": url, "msg": {"email": email}}

    def unknown(self):
        return {"type": "blacklist", "action": "add", "reject": {"email": ANN}}

    def signed(self, events, _):
        field = json.dumps(events)
        signed = f"{self.url}mandrill_events{field}".encode()
        signature = base64.b64encode(hmac.new(self.secret.encode(), signed, hashlib.sha1).digest())
        return urlencode({"mandrill_events": field}).encode(), {"X-Mandrill-Signature": signature.decode()}


class Generic(Sender):
    name = "generic"

    @property
    def entry(self):
        fields = {"kind": "what", "email": "who.email", "time": "when", "id": "id", "url": "link"}
        outcomes = {"EmailClicked": "click", "EmailSent": "sent"}
        return {**super().entry, "events": "data.events", "fields": fields, "outcomes": outcomes}

    def click(self, at=NOW, url=SHOP, email=ANN):
        return {"what": "EmailClicked", "who": {"email": email}, "when": rfc3339(at), "link": url}

    def unknown(self):
        return {"what": "SurveyAnswered", "who": {"email": ANN}, "when": rfc3339(NOW)}

    def signed(self, events, at):
        body, time = json.dumps({"data": {"events": events}}).encode(), str(seconds(at))
        return body, {"X-Signature": digits(self.secret, time.encode() + body), "X-Timestamp": time}


SENDERS = {
    sender.name: sender for sender in (SendGrid(), Mailgun(), Postmark(), Ses(), Mandrill(), Generic())
}
