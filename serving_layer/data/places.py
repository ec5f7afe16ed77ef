"""Where a reading of all data has come to, and the cursor that says so to nobody but us.

A cursor is the place in MessagePack, encrypted and authenticated (AES-GCM, NIST SP 800-38D) with a key made
from `UCID_ID_KEY`: places hold hashes of identifiers, which somebody could guess. Tenant, path and filters
are authenticated with it, so a cursor is of use in just the question that it came from. Every server of a
system understands it.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12  # bytes

# Characters of a cursor. Ours are a fourth of it, at most.
LONGEST: Final = 4_096


class Beneath(msgspec.Struct, frozen=True, tag="b", array_like=True):
    """In a generation, behind a key of a shard."""

    generation: int
    shard: int = 0
    after: bytes = b""


class Above(msgspec.Struct, frozen=True, tag="a", array_like=True):
    """In the overlay: first hashes of identifiers that are left of a scan, then its cursor; 0 is its end."""

    generation: int
    left: list[bytes] = []
    scan: int | None = None


class Named(msgspec.Struct, frozen=True, tag="n", array_like=True):
    """Among customers that changed, behind an id."""

    generation: int
    after: str = ""


class Logged(msgspec.Struct, frozen=True, tag="l", array_like=True):
    """In the log of changes, behind one."""

    change_id: str | None = None


Place = Beneath | Above | Named | Logged

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Place).decode


class NoCursor(Exception):
    """It was not made here, or for another question."""


class Cursors:
    """Makes and reads cursors."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def write(self, place: Place, question: bytes) -> str:
        """The cursor for a place; `question` is whatever it must be asked with again."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, _encode(place), question)
        return urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def read(self, cursor: str, question: bytes) -> Place:
        """The place that a cursor says. Raises NoCursor."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            place: Place = _decode(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], question))
        except (NotBase64, UnicodeError, ValueError, InvalidTag, msgspec.DecodeError):
            raise NoCursor("no cursor of this question: take 'next' as it is, and the same filters") from None
        return place
