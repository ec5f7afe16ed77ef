"""GET /v1/catalogue: which source feeds what of a tenant, as the last batch counted it."""

import asyncio

from schemas import counted
from schemas.counted import NOBODY, Counted, Fed, Source
from serving_layer import shapes
from serving_layer.access.gate import spend
from serving_layer.answers import time_json
from serving_layer.desk import Desk
from serving_layer.generations import Standing
from serving_layer.web.message import Request, Response, json


class Catalogue:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def catalogue(self, request: Request) -> Response:
        """Which sources feed which identifiers and attributes of the key's tenant, how fresh, how personal.

        Messages that cannot be read belong to no tenant: `unreadable` counts them, by topic, for all alike.
        """
        spend(request.who, 1)
        standing = self._desk.shared.generations.current
        return json(await asyncio.to_thread(_told, standing, request.who.tenant))


def _told(standing: Standing, tenant: str) -> shapes.Catalogue:
    directory = standing.generation.directory
    found, nobodys = counted.load(directory, tenant), counted.load(directory, NOBODY)
    return shapes.Catalogue(
        generation=standing.number,
        counted_at=None if found is None else time_json(found.at),
        sources=_sources(found),
        unreadable={source.name: source.rejected for source in nobodys.sources} if nobodys else {},
    )


def _sources(found: Counted | None) -> list[shapes.Source]:
    return [] if found is None else [_source(each) for each in found.sources]


def _source(source: Source) -> shapes.Source:
    return shapes.Source(
        name=source.name,
        way=source.way,
        accepted=source.accepted,
        rejected=source.rejected,
        newest=_moment(source.newest),
        taken_in=_moment(source.taken_in),
        identifiers=[_fed(each) for each in source.identifiers],
        attributes=[_fed(each) for each in source.attributes],
    )


def _fed(fed: Fed) -> shapes.Fed:
    return shapes.Fed(
        name=fed.name,
        used=[] if fed.used == ["none"] else [str(use) for use in fed.used],
        personal=fed.personal,
        assumed=fed.assumed,
        accepted=fed.accepted,
        rejected=fed.rejected,
        newest=_moment(fed.newest),
        taken_in=_moment(fed.taken_in),
    )


def _moment(moment: int) -> str | None:
    return time_json(moment) if moment else None
