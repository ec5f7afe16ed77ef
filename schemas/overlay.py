r"""The speed view in Redis: keys and values, the contract between the speed and the serving layer.

    ucid:3:live                  number of the generation that readers stand on; without it they have no
                                 stream: it has not begun, or Redis lost its data and the view is built again
    ucid:3:goal                  hash: "topic:partition" -> offset that a view must reach before readers are
                                 let on to it; there while one is built from nothing
    ucid:3:run                   the run of Redis (its `run_id`) whose file is known to be whole
    ucid:3:pause                 set while a handover catches up its last few records
    ucid:3:left                  set: numbers of generations that readers have left, whose keys are to go
    ucid:3:rewritten             those erased up to then (microseconds) are not in Redis' append-only file,
                                 once the rewrite that a worker asked for has ended
    ucid:3:v<g>:epoch            names this incarnation of the view; gone = Redis lost its data
    ucid:3:v<g>:offsets          hash: "topic:partition" -> offset of the next record to apply
    ucid:3:v<g>:erasures         hash: "customer.erasures:0" -> offset of the next erasure to apply
    ucid:3:v<g>:through          append time (microseconds) up to which events are applied
    ucid:3:v<g>:<record key>     a record that differs from generation g (schemas.records)
    ucid:3:v<g>:p<tenant>\0<hash>   registers of an identifier: what was claimed since the cut-off
                                 (schemas.claims); without a version
    ucid:3:v<g>:e<tenant>\0<hash>   hash: of a crowded identifier, by the other end's hash: its far links that
                                 differ from generation g
    ucid:3:v<g>:p<tenant>\0<hash>   what an identifier permits, where that differs from generation g
    ucid:3:v<g>:side             stream: facts that bear on too many identifiers, for the side lane
    ucid:3:v<g>:pending          hash: an identifier's hash -> how many entries of the side lane name it
    ucid:3:side                  names the process that works at the side lane; expires
    ucid:3:outbox                stream of changes on their way to Kafka
    ucid:3:i<tenant>\0<bucket>   hash: rest of an id -> hash of the identifier that it was minted from, for
                                 ids that no generation has published. Of no view, for it stays true when
                                 a handover gives the customer another id. The bucket is an id's first
                                 characters: a small hash takes a third of what a key of its own takes
    ucid:3:w<tenant>\0<hash>     a call of an e-mail service that was begun ("?") or taken ("!"), and a hash
                                 of what its signature does not cover; expires once it would be too old
    ucid:3:q<tenant>\0           hash: a request's id -> an erasure that waits for approval

The 3 is the format of records and keys. A record's value is a version (8 bytes, big-endian, from 1)
and its bytes; a version alone says that the generation's record of that key is gone.
"""

from struct import Struct
from typing import Final

from identity import Identifier
from schemas.records import DIGEST, FORMAT, identifier_digest, tenant_prefix

_VERSION = Struct(">Q")
VERSION_BYTES: Final = _VERSION.size

# Of an id: "c_" and three digits of base 32, which make 32,768 buckets.
_BUCKET = 5

ROOT: Final = f"ucid:{FORMAT}:".encode()
LIVE: Final = ROOT + b"live"
GOAL: Final = ROOT + b"goal"
RUN: Final = ROOT + b"run"
PAUSE: Final = ROOT + b"pause"
LEFT: Final = ROOT + b"left"
REWRITTEN: Final = ROOT + b"rewritten"
LEASE: Final = ROOT + b"side"
OUTBOX: Final = ROOT + b"outbox"

ABSENT: Final = b""

CALL_DIGEST: Final = DIGEST


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


def erasures_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"erasures"


def version_of(value: bytes | None) -> bytes:
    """The version that a value carries; empty for a key that is not there."""
    return value[: _VERSION.size] if value else ABSENT


def next_version(*versions: bytes) -> int:
    """The version after all of these."""
    newest = max(versions, default=ABSENT)  # big-endian: as bytes they stand in the order of their numbers
    return 1 + _VERSION.unpack(newest)[0] if newest else 1


def value(version: int, record: bytes) -> bytes:
    """A value of that version; an empty record says that there is none any more."""
    return _VERSION.pack(version) + record


def following(version: bytes, record: bytes) -> bytes:
    """A value of the version after that one."""
    return _VERSION.pack(_VERSION.unpack(version)[0] + 1 if version else 1) + record


def record_of(value: bytes) -> bytes:
    """The record in a value; empty where it says that there is none."""
    return value[_VERSION.size :]


def far_field(prefix: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Key and field of a far link in the view with that prefix; `key` is its record's."""
    return prefix + key[:-DIGEST], key[-DIGEST:]


def id_entry(tenant: str, customer_id: str, anchor: Identifier) -> tuple[bytes, bytes, bytes]:
    """Key, field and value of what an id was minted from."""
    return (*id_field(tenant, customer_id), identifier_digest(anchor))


def id_field(tenant: str, customer_id: str) -> tuple[bytes, bytes]:
    """Key and field under which to find what an id was minted from."""
    encoded = customer_id.encode()
    return ROOT + tenant_prefix(b"i", tenant) + encoded[:_BUCKET], encoded[_BUCKET:]


def id_bucket(key: bytes) -> tuple[str, bytes]:
    """Tenant and bucket of a key that `id_field` made."""
    tenant, _, bucket = key.removeprefix(ROOT + b"i").partition(b"\0")
    return tenant.decode(), bucket


def call_key(tenant: str, digest: bytes) -> bytes:
    """The key of a call of an e-mail service, by CALL_DIGEST bytes that stand for it."""
    return ROOT + tenant_prefix(b"w", tenant) + digest


def asked_key(tenant: str) -> bytes:
    """See the table above."""
    return ROOT + tenant_prefix(b"q", tenant)


def side_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"side"


def pending_key(generation: int) -> bytes:
    """See the table above."""
    return view_prefix(generation) + b"pending"


def partition_field(topic: str, partition: int) -> bytes:
    """The field of the offsets hash for a partition."""
    return f"{topic}:{partition}".encode()
