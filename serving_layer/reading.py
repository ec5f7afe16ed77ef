"""One consistent look at both stores: what to ask Redis, and what its reply means. No I/O but the files'.

The pointer is compared inside the script that reads, so nothing mixes two generations. Whoever calls
sends `question(…)` to Redis, in whatever way suits it, and hands the reply to `merged`.
"""

from collections.abc import Generator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from schemas import overlay, records
from schemas.generation import BrokenGeneration
from serving_layer.generations import Generations, Standing

SCRIPT: Final = files("serving_layer").joinpath("lookup.lua").read_text()

# Identifiers in one look: Redis serves nobody else meanwhile, for about a millisecond.
MOST: Final = 1_000

# Keys that a look may watch: Redis takes so many in one command of a script.
MOST_WATCHED: Final = 4_000

# A handover may happen between opening a generation and asking Redis; so many in a row do not.
TRIES: Final = 10


class KeptMoving(BrokenGeneration):
    """Readers moved to another generation as often as they were asked about."""

    def __init__(self) -> None:
        super().__init__("readers moved on each time that they were asked about: try again")


Asked = tuple[str, bytes]
"""A tenant, and the key of an identifier's node."""


class Freshness(NamedTuple):
    """What an answer rests on.

    `through` is the append time (microseconds) up to which the stream is included and `offsets` the next
    message of each `topic:partition`; None and empty where that is not known. `stale` says that the stream
    could not be asked, or has lost its view and is rebuilding it, or that its generation is broken.
    """

    generation: int
    through: int | None
    stale: bool
    offsets: tuple[tuple[str, int], ...] = ()


class Look(NamedTuple):
    """What to read: records of identifiers, and what stands under keys of the overlay."""

    asked: Sequence[Asked]
    watched: Sequence[bytes] = ()


class Rests(NamedTuple):
    """What an answer rests on besides its generation: keys of the overlay, and what stands under each.

    While that is so, the answer is the same. Without keys nothing is known of that.
    """

    keys: tuple[bytes, ...] = ()
    values: tuple[bytes | None, ...] = ()


# Most answers rest on a node and its customer, of which the overlay has neither.
_NEITHER: Final = (None, None)


class Reading(NamedTuple):
    """Encoded node and customer of each identifier, None or empty where there is none; and who waits.

    `rests` has the keys of the overlay that each of them was read from, with what stood there; none where
    Redis was away. `watched` is what stands under each key, `waiting` says whether anybody waits at all.
    """

    nodes: Sequence[bytes | None]
    customers: Sequence[bytes | None]
    pending: Sequence[Any]
    rests: Sequence["Rests"]
    watched: tuple[Any, ...]
    waiting: bool
    standing: Standing
    freshness: Freshness

    def part(self, look: Look, asked: int, watched: int) -> "Reading":
        """What one look of several wanted, whose identifiers and watched keys begin there."""
        of, beside = slice(asked, asked + len(look.asked)), slice(watched, watched + len(look.watched))
        nodes, customers, pending, rests, keys, waiting, standing, freshness = self
        return Reading(
            nodes[of], customers[of], pending[of], rests[of], keys[beside], waiting, standing, freshness
        )


class Below:
    """What the generation alone holds of some identifiers."""

    def __init__(self, standing: Standing, look: Look) -> None:
        self.standing = standing
        self.asked = asked = look.asked
        self._watched = look.watched
        self.nodes: list[bytes | None] = []
        self._places: list[bytes | None] = []
        if not asked:
            return  # as of nearly all
        keys = [key for _, key in asked]
        found = standing.generation.get(keys)
        self.nodes = [found.get(key) for key in keys]
        self._places = [place_of(tenant, node) for (tenant, _), node in zip(asked, self.nodes, strict=True)]

    def question(self) -> tuple[list[bytes], list[Any]]:
        """Keys and arguments of the script."""
        number = self.standing.number
        prefix = overlay.view_prefix(number)
        keys = _keys(number)
        nodes = [prefix + key for _, key in self.asked]
        places = [prefix + place if place else b"" for place in self._places]
        return keys, [number, len(prefix), len(nodes), *nodes, *places, *self._watched]

    def merged(self, reply: Sequence[Any]) -> Reading:
        """The overlay wins. `reply` is the script's, of this very generation."""
        _, through, offsets, watched, waiting, nodes, customers, pending = reply
        watched = tuple(watched) or (None,) * len(self._watched)
        freshness = _freshness(self.standing.number, through, tuple(offsets))
        if not self.asked:
            return Reading((), (), (), (), watched, bool(waiting), self.standing, freshness)
        prefix = overlay.view_prefix(self.standing.number)
        nodes = list(nodes)
        places: list[bytes | None] = [None] * len(nodes)
        rests = []
        for i, (above, customer) in enumerate(zip(nodes, customers, strict=True)):
            tenant, key = self.asked[i]
            if above is None:
                nodes[i] = self.nodes[i]
                place = self._places[i]
            else:
                node = nodes[i] = overlay.record_of(above)
                place = place_of(tenant, node)
            if customer is None:
                places[i] = place
            rests.append(_rests(prefix, key, above, place, customer))
        beneath = self.standing.generation.get(place for place in places if place)
        merged = [
            overlay.record_of(above) if above is not None else beneath.get(place) if place else None
            for above, place in zip(customers, places, strict=True)
        ]
        pending = pending or [None] * len(nodes)
        return Reading(nodes, merged, pending, rests, watched, bool(waiting), self.standing, freshness)

    def alone(self) -> Reading:
        """The generation answers by itself: stale."""
        beneath = self.standing.generation.get(place for place in self._places if place)
        customers = [beneath.get(place) if place else None for place in self._places]
        freshness = Freshness(self.standing.number, None, stale=True)
        nobody = [None] * len(self.nodes)
        nothing = (None,) * len(self._watched)
        none = [Rests()] * len(self.nodes)
        return Reading(self.nodes, customers, nobody, none, nothing, False, self.standing, freshness)


@lru_cache(maxsize=8)
def _keys(generation: int) -> list[bytes]:
    """What the script looks at besides the keys that it is told."""
    return [
        overlay.LIVE,
        overlay.through_key(generation),
        overlay.offsets_key(generation),
        overlay.pending_key(generation),
    ]


@lru_cache(maxsize=8)
def _freshness(generation: int, through: bytes | None, offsets: tuple[bytes, ...]) -> Freshness:
    """What Redis says of the stream. Many answers share one: what it says moves with the stream's batches."""
    pairs = zip(offsets[::2], offsets[1::2], strict=True)
    upto = tuple(sorted((field.decode(), int(offset)) for field, offset in pairs))
    return Freshness(generation, None if through is None else int(through), False, upto)


def looked(generations: Generations, look: Look) -> Generator[Below, Sequence[Any] | None, Reading]:
    """Look at the generation that is open, and again where readers stand on another one.

    Takes the script's reply to each, None where Redis is away. Raises BrokenGeneration.
    """
    standing = generations.current
    for _ in range(TRIES):
        below = Below(standing, look)
        reply = yield below
        live = None if reply is None else live_of(reply)
        if reply is None or live is None:
            return below.alone()
        if live == standing.number:
            return below.merged(reply)
        standing = generations.at(live)
        if standing.number != live:
            return Below(standing, look).alone()  # the live one is broken
    raise KeptMoving


def live_of(reply: Sequence[Any]) -> int | None:
    """The generation that readers stand on, as the script's reply says; None: there is no view."""
    return None if reply[0] is None else int(reply[0])


def _rests(
    prefix: bytes, key: bytes, node: bytes | None, place: bytes | None, customer: bytes | None
) -> Rests:
    if place is None:
        return Rests((prefix + key,), (node,))
    keys = (prefix + key, prefix + place)
    return Rests(keys, _NEITHER if node is None and customer is None else (node, customer))


def place_of(tenant: str, node: bytes | None) -> bytes | None:
    """The key of a node's customer."""
    if not node:
        return None
    digest = records.customer_digest(node)
    return records.customer_key_of(tenant, digest) if digest else None
