"""Questions that were asked before, byte for byte.

Who comes again asks in the same words, so most questions need not even be read: what they come to is found by
their bytes, and holds for as long as all that it rests on is as it was (`serving_layer.settled`).
"""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from serving_layer.memory import Memory
from serving_layer.settled import Settled

# Questions that are kept, at most: each takes about a kilobyte; and of how many identifiers each.
MOST: Final = 300_000
MOST_IDENTIFIERS: Final = 8


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """What somebody's question comes to on a generation while under `keys` of the overlay stand `values`.

    `results` is the answers' JSON; `about` are the ids of the customers, one for each identifier.
    """

    generation: int
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    results: bytes
    about: tuple[str, ...]


Repeated = Memory[bytes, Repeat]
"""By a principal's mark and a question's bytes, behind one another."""


def repeat(generation: int, found: Sequence[Settled]) -> Repeat | None:
    """Some answers as one, if that may be remembered."""
    if not 0 < len(found) <= MOST_IDENTIFIERS or not all(one.keys for one in found):
        return None
    about = tuple([cast("str", one.customer_id) for one in found])  # what is known to hold is a customer's
    if len(found) == 1:
        (one,) = found
        return Repeat(generation, one.keys, one.values, one.json, about)
    return Repeat(
        generation,
        tuple([key for one in found for key in one.keys]),
        tuple([value for one in found for value in one.values]),
        b",".join([one.json for one in found]),
        about,
    )
