"""Records side by side: what a generation says of one component is compressed as one.

Most of a component's bytes stand in it several times: an identifier in its node, in its neighbours' edges,
among its customer's members and among who is at home in an id; moments and ids likewise. Together they
compress to a quarter (deflate, RFC 1951), in some ten microseconds an identifier, and are read in five.

    record's key    -> 1, place in the block, block's name     or    0, record
    0, block's name -> deflated MessagePack [record, …]

A name is the number of the component (8 bytes) and, from the second block on, which (4 bytes). No record's
key begins with a zero byte.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from struct import Struct
from typing import Final

import msgspec

Entry = tuple[bytes, bytes]

PREFIX: Final = b"\0"  # of a block's key

_ALONE, _TOGETHER = b"\0", b"\1"
_NUMBER = Struct(">q")
_FURTHER = Struct(">qI")

# Blocks that are remembered, unpacked: those of a question and of the next, some megabytes.
MOST_RECENT: Final = 2_000

# A block is read whole, whichever of its records is asked for.
_MOST_RECORDS = 128
_MOST_BYTES = 1 << 14

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


def alone(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Records as entries that need no block."""
    return ((key, _ALONE + record) for key, record in entries)


def packed(number: int, records: Iterable[Entry]) -> Iterator[Entry]:
    """The entries for the records of one component; `number` is no other's of the generation."""
    for count, some in enumerate(_portions(records)):
        if len(some) == 1:
            yield from alone(some)
            continue
        name = _FURTHER.pack(number, count) if count else _NUMBER.pack(number)
        for place, (key, _) in enumerate(some):
            yield (key, b"%c%c%b" % (_TOGETHER, place, name))
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        raw = _encode([record for _, record in some])
        yield (PREFIX + name, compressor.compress(raw) + compressor.flush())


def block_key(number: int) -> bytes:
    """The key of the first block of a component, if its records need one."""
    return PREFIX + _NUMBER.pack(number)


def _portions(records: Iterable[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    size = 0
    for entry in records:
        if some and (len(some) == _MOST_RECORDS or size + len(entry[1]) > _MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(entry)
        size += len(entry[1])
    if some:
        yield some


def block_of(value: bytes) -> bytes | None:
    """The key of the block in which an entry's record is, or None where it needs none."""
    return PREFIX + value[2:] if value[:1] == _TOGETHER else None


def record_of(value: bytes, block: Callable[[bytes], list[bytes]]) -> bytes:
    """The record of an entry; `block` reads the block of a key."""
    key = block_of(value)
    return value[1:] if key is None else block(key)[value[1]]


class Recent:
    """The blocks that were read last, unpacked: who asks for a node asks for its customer, often beside it.

    As many as `most`, or as were asked for at once. Threads may share it.
    """

    def __init__(self, most: int = MOST_RECENT) -> None:
        self._most = most
        self._blocks: dict[bytes, list[bytes]] = {}

    def read(
        self, names: set[bytes], entries: Callable[[Iterable[bytes]], Mapping[bytes, bytes]]
    ) -> dict[bytes, list[bytes]]:
        """The records in the blocks of some keys; `entries` reads what is not here."""
        recent = self._blocks
        found = {name: block for name in names if (block := recent.get(name)) is not None}
        if len(found) < len(names):
            new = {name: unpacked(block) for name, block in entries(names - found.keys()).items()}
            if len(recent) + len(new) > self._most:
                recent.clear()
            recent.update(new)
            found |= new
        return found


def unpacked(block: bytes) -> list[bytes]:
    """The records in a block."""
    return _decode(zlib.decompress(block, wbits=-zlib.MAX_WBITS))
