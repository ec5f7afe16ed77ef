"""GET /v1/segments: the segments of the rules, and how many of a tenant's customers are in each."""

import asyncio
from typing import Final

from identity.segments import Segment
from identity.wording import worded
from schemas import counted
from schemas.counted import Counted
from serving_layer import shapes
from serving_layer.access.gate import spend
from serving_layer.answers import time_json
from serving_layer.desk import Desk
from serving_layer.generations import Generations, Standing
from serving_layer.web.message import Request, Response, json

# Former runs that are told of each segment, at most: those whose generations are kept.
MOST_RUNS: Final = 20

_Run = tuple[Standing, Counted]


class Segments:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def segments(self, request: Request) -> Response:
        """Each segment of the rules, and how many customers of the key's tenant are in it.

        They are counted by each batch. Who is in one at this moment is told with the customer.
        """
        spend(request.who, 1)
        generations, tenant = self._desk.shared.generations, request.who.tenant
        return json(await asyncio.to_thread(_told, generations, generations.current, tenant))


def _told(generations: Generations, standing: Standing, tenant: str) -> shapes.Segments:
    now = counted.load(standing.generation.directory, tenant)
    former = generations.before(standing.number, MOST_RUNS)
    found = ((each, counted.load(each.generation.directory, tenant)) for each in former)
    runs = [(each, of_run) for each, of_run in found if of_run is not None]
    as_of = standing.generation.manifest.as_of
    return shapes.Segments(
        generation=standing.number,
        as_of=None if as_of is None else time_json(as_of),
        counted_at=None if now is None else time_json(now.at),
        segments=[_segment(each, now, runs) for each in standing.rules.segments.values()],
    )


def _segment(segment: Segment, now: Counted | None, runs: list[_Run]) -> shapes.Segment:
    return shapes.Segment(
        name=segment.name,
        key=segment.key,
        when=worded(segment.when),
        unless=[] if segment.unless is None else worded(segment.unless),
        customers=None if now is None else now.segments.get(segment.name, 0),
        past=[
            shapes.SegmentRun(
                generation=standing.number,
                counted_at=time_json(of_run.at),
                customers=of_run.segments.get(segment.name, 0),
            )
            for standing, of_run in runs
            # What was counted under the same name by another condition is no former figure of it.
            if _meaning(standing, segment.name) == segment.meaning
        ],
    )


def _meaning(standing: Standing, name: str) -> str | None:
    segment = standing.rules.segments.get(name)
    return None if segment is None else segment.meaning
