"""The speed view in Redis: keys and values, the contract between the speed and the serving layer.

    ucid:1:live                  number of the generation that readers stand on
    ucid:1:pause                 set while a handover catches up its last few records
    ucid:1:v<g>:epoch            names this incarnation of the view; gone = Redis lost its data
    ucid:1:v<g>:offsets          hash: "topic:partition" -> offset of the next record to apply
    ucid:1:v<g>:through          append time (microseconds) up to which events are applied
    ucid:1:v<g>:<record key>     a record that differs from generation g (schemas.records)
    ucid:1:outbox                stream of changes on their way to Kafka
    ucid:1:<id key>              what an id that no generation has published was minted from; of no view,
                                 for it stays true when a handover gives its customer another

The 1 is the format of records and keys. A record's value is a version (8 bytes, big-endian, from 1)
and its bytes; a version alone says that the generation's record of that key is gone.
"""

from struct import Struct
from typing import Final

from schemas.records import FORMAT

_VERSION = Struct(">Q")

ROOT: Final = f"ucid:{FORMAT}:".encode()
LIVE: Final = ROOT + b"live"
PAUSE: Final = ROOT + b"pause"
OUTBOX: Final = ROOT + b"outbox"

ABSENT: Final = b""


def view_prefix(generation: int) -> bytes:
    """What all keys of the view on top of a generation begin with."""
    return ROOT + b"v%d:" % generation


def epoch_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"epoch"


def offsets_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"offsets"


def through_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"through"


def version_of(value: bytes | None) -> bytes:
    """The version that a value carries; empty for a key that is not there."""
    return value[: _VERSION.size] if value else ABSENT


def next_version(*versions: bytes) -> int:
    """The version after all of these."""
    return 1 + max((_VERSION.unpack(version)[0] for version in versions if version), default=0)


def value(version: int, record: bytes) -> bytes:
    """A value of that version; an empty record says that there is none any more."""
    return _VERSION.pack(version) + record


def record_of(value: bytes) -> bytes:
    """The record in a value; empty where it says that there is none."""
    return value[_VERSION.size :]


def partition_field(topic: str, partition: int) -> bytes:
    """The field of the offsets hash for a partition."""
    return f"{topic}:{partition}".encode()
