"""A few rows at a time, and where to go on: what every source of the data API gives."""

from typing import NamedTuple, Protocol

from serving_layer.data.places import Place
from serving_layer.errors import Refused
from serving_layer.reading import Freshness, Look, Reading
from serving_layer.shapes import ChangeRow, CustomerRow, IdentifierRow
from serving_layer.shared import Shared

Row = CustomerRow | IdentifierRow | ChangeRow


class Step(NamedTuple):
    """Rows, possibly none; the place behind them; whether anything may be there; and what they rest on."""

    rows: list[Row]
    place: Place
    more: bool
    freshness: Freshness | None = None


class Source(Protocol):
    """Where rows come from."""

    async def begin(self) -> Place:
        """The place before the first row. Raises Refused (503)."""

    async def step(self, place: Place, most: int) -> Step:
        """At most so many rows behind a place. Raises Refused (410, 503)."""


async def looked(shared: Shared, look: Look, generation: int | None) -> Reading:
    """A look at one generation and the stream, or nothing. Raises Refused (410, 503).

    Of a handover only the generation that readers stand on has a stream above it, so whoever began with
    another one has to begin anew. None is whichever they stand on.
    """
    reading = await shared.read(look)
    if generation is not None and reading.standing.number != generation:
        raise Refused(
            410, f"generation {generation} answers no more: start again, without a cursor", "cursor"
        )
    if reading.freshness.stale:
        raise Refused(503, "the stream cannot be asked, and nothing is whole without it: try again", "stale")
    return reading
