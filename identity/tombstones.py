"""Tombstones: whom a tenant has erased, and up to when, without saying who that was.

An erasure has a moment T, at which it entered the log. Nothing that was taken in up to T counts for an erased
identifier, wherever it comes from: a replay, a late file, a restored backup. What is taken in later counts
like anything new. Facts merge, so this is decided before they do: whoever makes facts of events asks here
first, and has read all erasures that are older than the newest of these events.

A tombstone is a keyed hash, so that who finds one cannot try names; its key is derived from that of the ids,
so that it is no other hash of the same identifier either.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import digest

from identity.facts import PAST
from identity.identifier import Identifier, Screened

DIGEST = 16  # bytes: no two of 2**40 identifiers share one by chance

# What a decision has for an identifier that was erased; no rule file may name such a type.
ERASED_TYPE = "_erased"

_PURPOSE = b"ucid: tombstones of erased identifiers"


class Tombstones:
    """The tombstones of one tenant. `key` is that of the ids."""

    def __init__(self, key: bytes, tenant: str = "default") -> None:
        self._key = digest(key, _PURPOSE, sha256)
        self._tenant = tenant
        self._through: dict[bytes, int] = {}
        self.newest = PAST

    def digest(self, x: Identifier) -> bytes:
        """What stands for an identifier: HMAC-SHA-256 (RFC 2104) of tenant, type and value, cut to DIGEST."""
        return digest(self._key, f"{self._tenant}\0{x[0]}\0{x[1]}".encode(), sha256)[:DIGEST]

    def add(self, digests: Iterable[bytes], through: int) -> None:
        """Nothing that was taken in up to `through` (microseconds) counts for these."""
        for each in digests:
            self._through[each] = max(through, self._through.get(each, PAST))
        self.newest = max(self.newest, through)

    def through(self, x: Identifier) -> int:
        """Up to when an identifier is erased; `facts.PAST` if it never was."""
        return self._through.get(self.digest(x), PAST) if self._through else PAST

    def erases(self, x: Identifier, ingested_at: int) -> bool:
        """Whether what was taken in of an identifier at that time does not count."""
        return ingested_at <= self.newest and ingested_at <= self.through(x)

    def left(self, screened: Iterable[Screened], ingested_at: int) -> list[Screened]:
        """What was taken in at that time without those who are erased."""
        return [found for found in screened if not self.erases(found[0], ingested_at)]

    def __contains__(self, x: Identifier) -> bool:
        return self.through(x) != PAST

    def mask(self, x: Identifier) -> Identifier:
        """What stands for an erased identifier where something has to."""
        return Identifier(ERASED_TYPE, self.digest(x).hex())

    @property
    def all(self) -> Mapping[bytes, int]:
        """Digest and moment of each."""
        return self._through

    def __bool__(self) -> bool:
        return bool(self._through)
