"""What services sign with, in a few words."""

import base64
import binascii
import hmac
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from schemas import Malformed
from speed_layer.webhooks.errors import Forged

# Fields of one form: the services send fewer than ten, and whatever a customer adds.
_MOST_FIELDS = 1_000


def check_hmac(secret: str, algorithm: hashes.HashAlgorithm, content: bytes, signature: bytes) -> None:
    """Raise Forged where `signature` is not the HMAC of `content`; takes as long wherever they differ."""
    signer = HMAC(secret.encode(), algorithm)
    signer.update(content)
    try:
        signer.verify(signature)
    except InvalidSignature:
        raise Forged("the signature does not fit") from None


def check_equal(expected: str, given: bytes) -> None:
    """Raise Forged where a shared secret is another; takes as long wherever they differ."""
    if not hmac.compare_digest(expected.encode(), given):
        raise Forged("the secret is wrong or missing")


def from_hex(signature: bytes) -> bytes:
    """A signature's bytes. Raises Forged."""
    try:
        return binascii.unhexlify(signature)
    except ValueError:
        raise Forged("the signature is missing, or not in hexadecimal") from None


def from_base64(signature: bytes) -> bytes:
    """A signature's bytes. Raises Forged."""
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError:
        raise Forged("the signature is missing, or not in base64") from None


def seconds(digits: bytes) -> int:
    """A signed time in seconds, digits and nothing else, as microseconds. Raises Forged."""
    # Else a digit could wander between the time and the body that follows it.
    if not (digits.isdigit() and len(digits) <= len("253402300799")):
        raise Forged("the time is missing, or no number of seconds")
    return int(digits) * 1_000_000


def form(body: bytes) -> list[tuple[str, str]]:
    """Names and values of an HTML form, in the order of the body. Raises Malformed."""
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Malformed("not a form (application/x-www-form-urlencoded)") from None
