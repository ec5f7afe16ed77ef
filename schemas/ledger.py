"""The ledger of erasures: what their topic says, as the stream and the batch read it."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from identity import Identifier
from identity.tombstones import Tombstones
from schemas.codec import decode
from schemas.events import Erasure
from schemas.events import Identifier as Named
from schemas.topics import ERASURES

# Identifiers in one message: some hundred bytes each at most, far below what a message may have.
TOGETHER = 500


class Request(NamedTuple):
    """An erasure that some store may still have to hear of: whom, and up to when (microseconds)."""

    tenant: str
    erasure_id: str
    identifiers: tuple[Identifier, ...]
    through: int


class Part(NamedTuple):
    """What one message says: up to when, its offset, append time, and whether every store has forgotten."""

    through: int
    offset: int
    appended_at: int
    settled: bool


class Ledger:
    """Every tenant's tombstones, and the erasures that name people still, by their ids."""

    def __init__(self, id_key: bytes) -> None:
        self._id_key = id_key
        self._tombstones: dict[str, Tombstones] = {}
        self.requests: dict[tuple[str, str], Request] = {}
        self._parts: dict[tuple[str, str], Part] = {}

    def take(self, payload: bytes, appended_at: int, offset: int = 0) -> Request | None:
        """Take in a message; returns the request where it is one that names people. Raises Malformed."""
        erasure = cast("Erasure", decode(ERASURES, payload, appended_at))
        through = erasure.through or appended_at
        whom = tuple(Identifier(x.type, x.value) for x in erasure.identifiers)
        tombstones = self.of(erasure.tenant)
        tombstones.add((bytes.fromhex(digest) for digest in erasure.tombstones), through)
        tombstones.add(map(tombstones.digest, whom), through)
        place = (erasure.tenant, erasure.erasure_id)
        self._parts[place] = Part(through, offset, appended_at, settled=not whom)
        if not whom:
            self.requests.pop(place, None)
            return None
        request = self.requests[place] = Request(erasure.tenant, erasure.erasure_id, whom, through)
        return request

    @property
    def settled(self) -> int:
        """Up to when those who were erased are not named any more; 0 where all are.

        Every generation that was kept when the last word on them was said was made without them.
        """
        return max((part.through for part in self._parts.values() if part.settled), default=0)

    def parts(self, tenant: str, receipt: str) -> list[Part]:
        """What stands for a receipt; nothing where there is none. An erasure's id is `receipt.number`."""
        return [
            part
            for (of, erasure_id), part in self._parts.items()
            if of == tenant and erasure_id.rpartition(".")[0] == receipt
        ]

    def of(self, tenant: str) -> Tombstones:
        """The tombstones of a tenant."""
        found = self._tombstones.get(tenant)
        if found is None:
            found = self._tombstones[tenant] = Tombstones(self._id_key, tenant)
        return found

    @property
    def tombstones(self) -> dict[str, Tombstones]:
        """Those of all tenants that have any, by tenant."""
        return {tenant: each for tenant, each in self._tombstones.items() if each}

    def __iter__(self) -> Iterator[Tombstones]:
        """Those of all tenants that have any."""
        return (each for each in self._tombstones.values() if each)


def asked_for(
    tenant: str, whom: Sequence[Identifier], who: str, at: int, receipt: str | None = None
) -> tuple[str, list[Erasure]]:
    """The receipt's id, and what to send: each message under its own `erasure_id` as its key.

    `at` is the moment of asking, in microseconds. Asked for again under the same `receipt` it is the same.
    """
    receipt = receipt or str(uuid.uuid4())
    return receipt, [
        Erasure(
            erasure_id=f"{receipt}.{start // TOGETHER}",
            tenant=tenant,
            requested_at=at,
            identifiers=[Named(*x) for x in whom[start : start + TOGETHER]],
            who=who,
        )
        for start in range(0, len(whom), TOGETHER)
    ]


def by_tenant(requests: list[Request]) -> dict[str, dict[Identifier, int]]:
    """Whom some requests name, tenant by tenant, and up to when each is erased."""
    erased: defaultdict[str, dict[Identifier, int]] = defaultdict(dict)
    for tenant, _, whom, through in requests:
        for x in whom:
            erased[tenant][x] = max(through, erased[tenant].get(x, through))
    return erased


def forgotten(erasure: Request, tombstones: Tombstones) -> Erasure:
    """What takes the place of a request once every store has forgotten those whom it names."""
    return Erasure(
        erasure_id=erasure.erasure_id,
        tenant=erasure.tenant,
        requested_at=erasure.through,
        tombstones=sorted(tombstones.digest(x).hex() for x in erasure.identifiers),
        through=erasure.through,
    )
