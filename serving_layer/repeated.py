"""Questions that were asked before, byte for byte.

Who comes again asks in the same words, so most questions need not even be read: what they come to is found by
their bytes, and holds for as long as all that it rests on is as it was (`serving_layer.settled`).
"""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from serving_layer.access.audit import Entry
from serving_layer.access.principal import Principal
from serving_layer.memory import Memory
from serving_layer.settled import Settled

# Questions that are kept, at most: each takes about a kilobyte; and of how many identifiers each.
MOST: Final = 300_000
MOST_IDENTIFIERS: Final = 8


_encode = msgspec.json.Encoder().encode


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """What somebody's question comes to on a generation while under `keys` of the overlay stand `values`.

    `results` is the answers' JSON; `count` is how many identifiers were asked for, all of them customers';
    `noted` is what the audit log says each time.
    """

    generation: int
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    count: int
    results: bytes
    noted: msgspec.Raw


Repeated = Memory[bytes, Repeat]
"""By a principal's mark and a question's bytes, behind one another."""


def repeat(who: Principal, generation: int, found: Sequence[Settled]) -> Repeat | None:
    """Some answers for somebody as one, if that may be remembered."""
    if not 0 < len(found) <= MOST_IDENTIFIERS or not all(one.keys for one in found):
        return None
    about = [cast("str", one.customer_id) for one in found]  # what is known to hold is a customer's
    entry = Entry(who=who.id, tenant=who.tenant, act="lookup", about=about, asked=len(about))
    noted = msgspec.Raw(_encode(entry))
    if len(found) == 1:
        (one,) = found
        return Repeat(generation, one.keys, one.values, 1, one.json, noted)
    return Repeat(
        generation,
        tuple([key for one in found for key in one.keys]),
        tuple([value for one in found for value in one.values]),
        len(found),
        b",".join([one.json for one in found]),
        noted,
    )
