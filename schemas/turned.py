"""Who came into segments or left them by a generation itself: a file beside its shards.

    turned.json   {"at": …, "before": …, "offsets": …, "rows": [[tenant, customer, [was], [is]], …]}

It compares a generation with the one that it was made from. What the stream had found meanwhile is in it,
too. It names customers by id.
"""

from pathlib import Path
from typing import Final

import msgspec

from schemas.generation import Offsets, path_of

TURNED: Final = "turned.json"

# What stands for a topic where a generation is the cause: it has one partition, and its number is the offset.
GENERATION: Final = "generation"

# Customers of one generation who are told of; of more, none is.
MOST_TURNED: Final = 100_000


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """A customer, the segments that it was in by the generation before, and those that it is in."""

    tenant: str
    customer_id: str
    was: tuple[str, ...]
    is_: tuple[str, ...]


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """All of one generation, made at `at` (microseconds) from generation `before` with cut-off `offsets`.

    Of more than MOST_TURNED customers there are no rows, and `left_out` says how many they are.
    """

    at: int
    before: int
    offsets: Offsets
    left_out: int = 0
    rows: list[Turn] = []

    @property
    def known(self) -> Offsets:
        """What the generation before holds, itself and those before it included."""
        return holding(self.offsets, self.before)


def holding(offsets: Offsets, generation: int) -> Offsets:
    """What a generation with this cut-off holds: those before it, and itself, as causes, too."""
    return {**offsets, GENERATION: {0: generation + 1}}


def write(directory: Path, turned: Turned) -> None:
    """Put the file into a generation that is being made."""
    (directory / TURNED).write_bytes(msgspec.json.encode(turned))


def read(root: Path, number: int) -> Turned | None:
    """What a generation changed; None where it does not say."""
    try:
        return msgspec.json.decode((path_of(root, number) / TURNED).read_bytes(), type=Turned)
    except (OSError, msgspec.DecodeError):
        return None
