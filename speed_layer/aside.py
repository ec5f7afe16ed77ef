"""What waits for the side lane: facts that bear on too many identifiers, in Redis beside the view.

They are put there before the batch that brought them counts as applied, so that a crash repeats rather than
loses; facts merge, so what is applied twice changes nothing. Lookups call their identifiers pending.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis import Redis

from identity import Facts, Identifier, Link, Seen, Verdict
from schemas import overlay, records
from speed_layer.changes import Where, pack
from speed_layer.errors import LostView
from speed_layer.view import script

# Facts in one entry, roughly: what is read at a time is some of these.
TOGETHER = 2_000


class Deferred(msgspec.Struct, array_like=True):
    """Facts of one tenant, the append time (microseconds) of what brought them, and whether to tell of it."""

    tenant: str
    seen: list[tuple[Identifier, Seen]]
    links: list[tuple[Identifier, Identifier, Link]]
    at: int
    tell: bool
    where: Where | None = None
    signs: list[tuple[Identifier, tuple[Any, ...]]] = []  # as `records.signs_form` has them

    def add_to(self, facts: Facts) -> None:
        """Merge these facts with others."""
        links = {(a, b): link for a, b, link in self.links}
        signs = {x: records.read_signs(*told) for x, told in self.signs}
        facts.update(Facts(dict(self.seen), links, signs=signs))


class Entry(NamedTuple):
    """Facts as they wait: the entry's id, and the hashes of its identifiers."""

    id: bytes
    deferred: Deferred
    pending: bytes


class Aside:
    """The facts that wait beside one view."""

    def __init__(self, redis: Redis, generation: int) -> None:
        self._redis = redis
        self._name = cast("str", overlay.side_key(generation))
        self._keys = [overlay.epoch_key(generation), self._name, overlay.pending_key(generation)]
        self._defer = script(redis, "defer.lua")
        self._settled = script(redis, "settled.lua")

    def put(self, epoch: bytes, deferred: Deferred) -> None:
        """Let facts wait. Raises LostView."""
        pending = b"".join(records.identifier_digest(x) for x, _ in deferred.seen)
        self._call(self._defer, [epoch, pack(deferred), pending])

    def take(self, most: int) -> list[Entry]:
        """The first that wait; they stay until they are settled."""
        found = cast("list[tuple[bytes, dict[bytes, bytes]]]", self._redis.xrange(self._name, count=most))
        return [Entry(id_, _deferred(fields[b"facts"]), fields[b"pending"]) for id_, fields in found]

    def settle(self, epoch: bytes, entries: Sequence[Entry]) -> None:
        """These are applied. Raises LostView."""
        self._call(self._settled, [epoch, *(part for entry in entries for part in (entry.id, entry.pending))])

    def __len__(self) -> int:
        return self._redis.xlen(self._name)

    def _call(self, script_: Any, arguments: list[Any]) -> None:  # noqa: ANN401 - redis types no scripts
        if script_(keys=self._keys, args=arguments) == b"epoch":
            raise LostView("the view is gone from Redis, and what waited beside it")


def deferred(tenant: str, facts: Facts, at: int, where: Where | None, *, tell: bool) -> Iterator[Deferred]:
    """Facts as entries of bounded size. They may be applied in any order."""

    def signs(identifiers: Iterable[Identifier]) -> list[tuple[Identifier, tuple[Any, ...]]]:
        return [(x, records.signs_form(facts.signs[x])) for x in identifiers if x in facts.signs]

    tied = {end for ends in facts.links for end in ends}
    alone = [(x, seen) for x, seen in facts.seen.items() if x not in tied]
    if alone:
        yield Deferred(tenant, alone, [], at, tell, where, signs(x for x, _ in alone))
    links = [(a, b, link) for (a, b), link in facts.links.items()]
    for start in range(0, len(links), TOGETHER):
        some = links[start : start + TOGETHER]
        named = dict.fromkeys(end for a, b, _ in some for end in (a, b))
        seen = [(x, facts.seen[x]) for x in named]
        yield Deferred(tenant, seen, some, at, tell, where, signs(named))


class _Form(msgspec.Struct, array_like=True):
    """`Deferred` as it is written; what was put aside by a version without signs has none."""

    tenant: str
    seen: list[tuple[tuple[str, str], tuple[int, int, int]]]
    links: list[tuple[tuple[str, str], tuple[str, str], tuple[int, int, int, int, int]]]
    at: int
    tell: bool
    where: Where | None = None
    signs: list[tuple[tuple[str, str], tuple[Any, ...]]] = []


_decode = msgspec.msgpack.Decoder(_Form).decode


def _deferred(data: bytes) -> Deferred:
    form = _decode(data)
    return Deferred(
        form.tenant,
        [(Identifier(*x), Seen(*times)) for x, times in form.seen],
        [(Identifier(*a), Identifier(*b), _link(*link)) for a, b, link in form.links],
        form.at,
        form.tell,
        form.where,
        [(Identifier(*x), told) for x, told in form.signs],
    )


def _link(first_seen: int, last_seen: int, first_ingested: int, verdict: int, decided_at: int) -> Link:
    return Link(first_seen, last_seen, first_ingested, Verdict(verdict), decided_at)
