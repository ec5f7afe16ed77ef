"""Questions that were asked before, byte for byte.

Who comes again asks in the same words, so most questions need not even be read: what they come to is found by
their bytes, and holds for as long as all that it rests on is as it was (`serving_layer.settled`).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from serving_layer.memory import Memory
from serving_layer.settled import Reader, Settled

# Questions that are kept, at most: each takes about a kilobyte; and of how many identifiers each.
MOST: Final = 300_000
MOST_IDENTIFIERS: Final = 8


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """What a question comes to on a generation while under `keys` of the overlay stand `values`.

    `results` is the answers' JSON, `ids` are the customers that are told of, `count` is how many identifiers
    were asked for.
    """

    generation: int
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    ids: tuple[str, ...]
    count: int
    results: bytes


Repeated = Memory[tuple[Reader, bytes], Repeat]
"""By who reads, and a question's bytes."""


def repeat(generation: int, found: Sequence[Settled]) -> Repeat | None:
    """Some answers as one, if that may be remembered."""
    if len(found) == 1:
        (one,) = found
        ids = () if one.customer_id is None else (one.customer_id,)
        return Repeat(generation, one.keys, one.values, ids, 1, one.json) if one.keys else None
    if not 0 < len(found) <= MOST_IDENTIFIERS or not all(one.keys for one in found):
        return None
    return Repeat(
        generation,
        tuple([key for one in found for key in one.keys]),
        tuple([value for one in found for value in one.values]),
        tuple([one.customer_id for one in found if one.customer_id is not None]),
        len(found),
        b",".join([one.json for one in found]),
    )
