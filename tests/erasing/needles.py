"""Looks for many byte strings at once: whom some bytes name, and in which form."""

import base64
from collections import defaultdict

import numpy as np

from identity import Identifier
from identity.tombstones import Tombstones
from schemas.records import identifier_digest
from serving_layer.access.audit import Seal

PLAIN, BASE64, HASH, TOMBSTONE, SEAL = "plain", "base64", "hash", "tombstone", "audit seal"


class Needles:
    """What could give each person away. `found` says who was, form by form."""

    def __init__(self, id_key):
        self._tombstones = Tombstones(id_key)
        self._seal = Seal(id_key)
        self._by_start = defaultdict(list)  # a needle's first three bytes -> (needle, form, person)
        self._may_start = np.zeros(1 << 24, bool)  # whether some needle begins with these three

    def token(self, person, token):
        """A value, or a part of one, that nobody else has."""
        for text in {token.lower(), token.upper()}:
            self._add(text.encode(), PLAIN, person)
            for shift in range(3):  # wherever it falls in a text that is encoded as a whole
                encoded = base64.b64encode(b"x" * shift + text.encode())
                self._add(encoded[4 if shift else 0 : -4], BASE64, person)

    def identifier(self, person, type_, value):
        """An identifier as stores may hash it."""
        x = Identifier(type_, value)
        for form, digest in ((HASH, identifier_digest(x)), (TOMBSTONE, self._tombstones.digest(x))):
            self._add(digest, form, person)
            self._add(digest.hex().encode(), form, person)
        self._add(self._seal.of("default", x).encode(), SEAL, person)

    def found(self, data):
        """Form -> the people whom `data` names."""
        found = defaultdict(set)
        if len(data) > 2:
            byte = np.frombuffer(data, np.uint8).astype(np.uint32)
            starts = byte[:-2] << 16 | byte[1:-1] << 8 | byte[2:]
            for at in np.flatnonzero(self._may_start[starts]):
                for needle, form, person in self._by_start[data[at : at + 3]]:
                    if data.startswith(needle, at):
                        found[form].add(person)
        return found

    def _add(self, needle, form, person):
        start = needle[:3]
        self._by_start[start].append((needle, form, person))
        self._may_start[int.from_bytes(start, "big")] = True
