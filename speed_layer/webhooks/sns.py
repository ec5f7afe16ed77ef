"""Amazon SNS: whether a notification is from a topic of ours, and answering its first question.

Anybody can have a topic, and SNS signs for all of them: so topics are listed, and looked at first. The
certificate is fetched only from SNS itself, and the answer goes to an address that is made here, of the
topic's region and a signed token. No address that a caller names is visited otherwise.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from schemas import Malformed
from speed_layer.webhooks.errors import Forged
from speed_layer.webhooks.given import Fetch
from speed_layer.webhooks.part import Part
from speed_layer.webhooks.service import Call, Proof
from speed_layer.webhooks.signing import from_base64

log = logging.getLogger(__name__)

_CERTIFICATE = re.compile(
    r"https://sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem"
)
_REGION = re.compile(r"[a-z0-9-]{3,32}")
# What is signed of each type, in this order; a notification may have no Subject.
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_QUESTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _QUESTION,
    "UnsubscribeConfirmation": _QUESTION,
}
_HASHES: dict[str, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - SNS' default, by its number

# SNS has one certificate a region and changes it once a year.
_MOST_CERTIFICATES = 32

# What SES says once to a new topic, instead of an event.
_GREETING = "Successfully validated SNS topic"


class Sns:
    """The topics of one endpoint."""

    def __init__(self, topics: frozenset[str], fetch: Fetch) -> None:
        self._topics = topics
        self._fetch = fetch
        self._certificates: dict[str, x509.Certificate] = {}

    def proof(self, call: Call) -> Proof:
        """Raise Forged where a call is not from one of the topics, and Unavailable without a certificate."""
        try:
            envelope = Part(call.body)
            type_, topic = envelope.text("Type"), envelope.text("TopicArn")
            if topic not in self._topics:
                raise Forged("it comes from a topic that is not under 'topics'")
            names = [x for x in _SIGNED.get(type_, ()) if x != "Subject" or envelope.text(x, "")]
            signed = "".join(f"{name}\n{envelope.text(name)}\n" for name in names).encode()
            at = envelope.time("Timestamp")
            signature = from_base64(envelope.text("Signature").encode())
            algorithm = _HASHES.get(envelope.text("SignatureVersion"))
            url = envelope.text("SigningCertURL")
        except Malformed as error:
            raise Forged(f"no signature: {error}") from None
        if not names or algorithm is None:
            raise Forged("a type of call, or a version of its signature, that we do not know")
        try:
            self._key(url, call.at).verify(signature, signed, PKCS1v15(), algorithm)
        except InvalidSignature:
            raise Forged("the signature does not fit") from None
        return Proof(signed, at)

    def messages(self, call: Call) -> Sequence[bytes]:
        """The event in a notification; none in a question or a greeting."""
        envelope = Part(call.body)
        message = envelope.text("Message")
        if envelope.text("Type") != "Notification" or message.startswith(_GREETING):
            return []
        return [message.encode()]

    def confirm(self, call: Call) -> None:
        """Answer a topic that asks whether we want its notifications. Raises Unavailable."""
        envelope = Part(call.body)
        match envelope.text("Type"):
            case "SubscriptionConfirmation":
                self._fetch(confirmation_url(envelope.text("TopicArn"), envelope.text("Token")))
                log.info("subscribed to an SNS topic")
            case "UnsubscribeConfirmation":
                log.warning("an SNS topic says that it was told to send no more: was that meant?")

    def _key(self, url: str, at: int) -> RSAPublicKey:
        if not _CERTIFICATE.fullmatch(url):
            raise Forged("the certificate is not at SNS")
        certificate = self._certificates.get(url)
        if certificate is None:
            try:
                certificate = x509.load_pem_x509_certificate(self._fetch(url))
            except ValueError:
                raise Forged("the certificate cannot be read") from None
            if len(self._certificates) >= _MOST_CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = certificate
        now = datetime.fromtimestamp(at // 1_000_000, UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Forged("the certificate has expired, or is not valid yet")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise Forged("the certificate has no RSA key")
        return key


def confirmation_url(topic: str, token: str) -> str:
    """Where to confirm the subscription to a topic. Raises Forged."""
    _, partition, _, region, *_ = topic.split(":")
    if not _REGION.fullmatch(region):
        raise Forged("the topic is in no region")
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    query = f"Action=ConfirmSubscription&TopicArn={quote(topic, safe='')}&Token={quote(token, safe='')}"
    return f"https://sns.{region}.{domain}/?{query}"
