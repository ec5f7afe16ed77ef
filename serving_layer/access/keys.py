"""API keys: a file that holds hashes of their secrets, and is read again when it changes.

A secret is 256 random bits, so a plain SHA-256 hides it: there is no dictionary to try. It is found by its
hash, which nobody can aim at, so how long that takes tells nothing. A key may have two secrets, so that who
uses it can change from one to the other at a time of his own.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import SchemaError
from serving_layer.access.principal import Principal

log = logging.getLogger(__name__)

PREFIX: Final = "ucid_"  # so that scanners for leaked secrets know one

# Secrets of one key that are valid at a time.
MOST_SECRETS: Final = 2

RATE: Final = 1_000  # identifiers a second, unless a key says otherwise
UNKNOWN: Final = 1_000  # unknown identifiers a day, likewise

# Seconds until a change of the file is noticed, at most.
RELOAD_S: Final = 1.0


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of one secret; `expires` is a Unix time, None is never."""

    sha256: str
    expires: int | None = None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key. `demo`: it was made by itself, for a server that nobody else can reach."""

    id: str
    name: str
    tenant: str
    scopes: tuple[str, ...]
    secrets: tuple[Secret, ...]
    rate: int = RATE
    unknown: int = UNKNOWN
    created: int
    demo: bool = False


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """All keys."""

    keys: tuple[Key, ...] = ()


class BrokenKeys(SchemaError):
    """A file of keys that cannot be read."""


def new_secret() -> str:
    """A secret as its user gets it, once."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def load(path: Path) -> KeyFile:
    """The keys of a file, none where there is no such file. Raises BrokenKeys."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except FileNotFoundError:
        return KeyFile()
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenKeys(f"{path}: no usable file of keys: {error}") from error


class KeyRing:
    """Who a secret belongs to. Belongs to one event loop; `share` is `Principal`'s."""

    def __init__(self, path: Path, share: int = 1, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._share = share
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._look_at = 0.0
        self._principals: dict[Key, Principal] = {}
        self._secrets: dict[str, tuple[Principal, float | None]] = {}

    def find(self, secret: str) -> Principal | None:
        """Whose it is, if it is valid now."""
        return self.holder(digest(secret))

    def holder(self, hash_: str) -> Principal | None:
        """The same by a secret's `digest`."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + RELOAD_S
            self._reload()
        known = self._secrets.get(hash_)
        if known is None or (known[1] is not None and known[1] <= now):
            return None
        return known[0]

    def _reload(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            stamp = None
        else:
            stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._stamp and self._look_at:
            return
        try:
            keys = load(self._path).keys
        except BrokenKeys as error:
            log.warning("%s: the keys from before hold", error)
            return
        self._stamp = stamp
        # Who stays keeps his budgets.
        before = {_standing(key): principal for key, principal in self._principals.items()}
        self._principals = {key: before.get(_standing(key)) or self._principal(key) for key in keys}
        self._secrets = {
            secret.sha256: (principal, secret.expires)
            for key, principal in self._principals.items()
            for secret in key.secrets
        }

    def _principal(self, key: Key) -> Principal:
        return Principal(
            key.id, key.name, key.tenant, key.scopes, rate=key.rate, unknown=key.unknown, share=self._share
        )


def _standing(key: Key) -> Key:
    """All of a key but its secrets."""
    return msgspec.structs.replace(key, secrets=())
