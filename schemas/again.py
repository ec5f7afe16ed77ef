"""Encoded nodes that were met again: their times replaced where they stand, all else as it was.

Most events repeat what is known, and to decode and encode a node with all its links for that would cost more
than all the rest. A time takes nine bytes in MessagePack whenever it is later than the first hour of 1970,
and a link is found by the bytes of its other end. No string can be taken for a link: the byte before a time
and the zero that the time begins with do not follow each other in UTF-8.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

import msgspec

from identity import Identifier, Link, Seen
from identity.facts import PAST
from schemas import records

_TIMES = Struct(">qqqB")  # first_seen, last_seen, first_ingested, flags of the node
_SEEN = Struct(">qqq")  # the times, in the order of the node's
_LINK = Struct(">BBqBqBq")  # flags of a link, and its times, each after the byte that says eight more
_REVIVED = Struct(">BBqBB")  # the end of a node: [revived, no failures, not stale]

_FLAGS: Final = records.DIGEST + _TIMES.size - 1  # where the flags of a node stand
_BODY: Final = _FLAGS + 1  # and its array
_SIGNS: Final = 9  # an element of that

_OUT: Final = records.EXPIRED | records.STALE | records.APART
_TIME: Final = 0xCF  # eight bytes follow
_LEAST, _MOST = 1 << 32, 1 << 56  # what takes nine bytes, and has a zero in front
_AS_USUAL: Final = (0x93, _TIME, 0x90, 0xC0)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def encode_seen(seen: Seen) -> bytes:
    """Times as they stand in a node; a script in Redis may put them there (`speed_layer/widen.lua`)."""
    return _SEEN.pack(*seen)


def seen_again(node: bytes, seen: Seen) -> bytes | None:
    """A node that was met by itself.

    The same bytes if nothing is new. None where that is to be decided: it may come back to life, or give its
    customer another id.
    """
    first_seen, last_seen, first_ingested, flags = _TIMES.unpack_from(node, records.DIGEST)
    since, until, ingested = seen
    if flags & records.EXPIRED or ingested < first_ingested:
        return None
    if until <= last_seen and since >= first_seen:
        return node
    times = _TIMES.pack(min(first_seen, since), max(last_seen, until), first_ingested, flags)
    return node[: records.DIGEST] + times + node[records.DIGEST + _TIMES.size :]


def met_again(
    node: bytes, seen: Seen, links: Iterable[tuple[Identifier, Link]], revived: int
) -> bytes | None:
    """A node that was met with others, by links that live, or that showed life then (else PAST).

    None where that is to be decided: it is stale or out, has failed before, or a link is not known to live.
    """
    again = seen_again(node, seen)
    if (
        again is None
        or again[_FLAGS] & _OUT
        or not (records.customer_digest(again) or records.is_lone(again))
    ):
        return None
    if revived != PAST:
        again = _revived(again, revived)
    for other, link in links:
        if again is None:
            return None
        again = _tied(again, other, link)
    return again


def _tied(node: bytes, other: Identifier, link: Link) -> bytes | None:
    since, until, ingested, _, decided_at = link
    end = b"\x96" + _encode(other)[1:]
    at = node.find(end, _FLAGS) + len(end)
    if at < len(end) or len(node) < at + _LINK.size or decided_at != PAST:
        return None
    flags, a, first_seen, b, last_seen, c, first_ingested = _LINK.unpack_from(node, at)
    if flags != records.ALIVE or not a == b == c == _TIME:
        return None
    if min(since, ingested) < _LEAST or max(until, first_seen) >= _MOST or first_seen < 0:
        return None
    if since >= first_seen and until <= last_seen and ingested >= first_ingested:
        return node
    times = min(first_seen, since), max(last_seen, until), min(first_ingested, ingested)
    tied = _LINK.pack(flags, _TIME, times[0], _TIME, times[1], _TIME, times[2])
    return node[:at] + tied + node[at + _LINK.size :]


def _revived(node: bytes, at: int) -> bytes | None:
    if not _LEAST <= at < _MOST:
        return None
    array, time, revived, failures, stale = _REVIVED.unpack_from(node, len(node) - _REVIVED.size)
    if (array, time, failures, stale) == _AS_USUAL and 0 <= revived < _MOST:
        if at <= revived:
            return node
        return node[: -_REVIVED.size] + _REVIVED.pack(array, time, at, failures, stale)
    body = _decode(memoryview(node)[_BODY:])
    if body[_SIGNS:] and body[-1] is not None:
        return None
    body[4:] = [*(body[4:_SIGNS] or records.USUAL[:-1]), [at, (), None]]
    return node[:_BODY] + _encode(body)
