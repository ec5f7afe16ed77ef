"""The key of an event's message: events that name one device go to one partition, and so to one worker.

A worker that meets an identifier twice has less to do than two that meet it once each, and these two may
collide. What an event has in common with most others is its weakest identifier, the device that it came from.
No outcome depends on keys, only how much workers have to do.
"""

from functools import partial
from hashlib import blake2b
from typing import Final

import msgspec

from identity import Rules

# Enough to spread events evenly over partitions. And so little that many share each of the 65,536 keys:
# it tells of nobody, and need not be forgotten with anybody.
BYTES: Final = 2

_digest = partial(blake2b, digest_size=BYTES)


class _Named(msgspec.Struct, gc=False):
    identifiers: dict[str, str | list[str]] = {}


_decode = msgspec.json.Decoder(_Named).decode


def message_key(payload: bytes, rules: Rules) -> bytes | None:
    """The key for an event in JSON; None where it names nobody whose type the rules know, or is none.

    A message without a key goes to any partition.
    """
    try:
        named = _decode(payload).identifiers
    except (msgspec.DecodeError, RecursionError):
        return None
    weakest = max((type_ for type_ in named if type_ in rules.types), key=rules.strength, default=None)
    if weakest is None:
        return None
    values = named[weakest]
    value = values if isinstance(values, str) else min(values, default="")
    return _digest(f"{weakest}\0{value}".encode()).digest() if value else None
