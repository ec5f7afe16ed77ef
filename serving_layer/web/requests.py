"""/v1/erasures/requests: one asks to have a person forgotten, another approves; until then nobody is."""

import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.access.principal import Principal
from serving_layer.answers import time_json
from serving_layer.asked import Asked, Waiting
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.web.body import decoded
from serving_layer.web.decisions import identified
from serving_layer.web.erasures import Erasures
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget, the customer behind an identifier or with `only` this identifier alone; and why."""

    type: str
    value: str
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    only: bool = False


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which request."""

    request: str


_proposal = msgspec.json.Decoder(Proposal)
_which = msgspec.json.Decoder(Which)


class Requests:
    """The routes' handlers."""

    def __init__(
        self, desk: Desk, waiting: Waiting, erasures: Erasures, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._desk = desk
        self._waiting = waiting
        self._erasures = erasures
        self._clock = clock

    async def ask(self, request: Request) -> Response:
        """202 and the request's id; it waits for another to approve it."""
        who = request.who
        spend(who, 1)
        proposal = decoded(_proposal, await request.body(), "request")
        identified(self._desk, Question(proposal.type, proposal.value))
        asked = Asked(
            request=str(uuid.uuid4()),
            at=self._clock() // 1_000,
            who=who.id,
            name=who.name,
            **msgspec.structs.asdict(proposal),
        )
        self._note(who, "erase_asked", asked)
        if not await self._waiting.put(who.tenant, asked):
            raise Refused(429, "too many requests wait already: approve or reject some", "requests")
        return json({"request": asked.request}, 202)

    async def waiting(self, request: Request) -> Response:
        """Those that wait, oldest first; `own` are the asker's, which somebody else has to approve."""
        who = request.who
        spend(who, 1)
        found = await self._waiting.all(who.tenant)
        for asked in found:
            self._note(who, "erase_read", asked)
        return json({"requests": [_told(asked, who) for asked in found]})

    async def approve(self, request: Request) -> Response:
        """202 and the receipt's id, which is the request's; 403 for whoever asked."""
        who, asked = await self._asked(request)
        if asked.who == who.id:
            raise Refused(403, "who asked cannot approve: another key has to", "own")
        self._note(who, "erase_approved", asked)
        await self._erasures.forget(who, asked.type, asked.value, only=asked.only, receipt=asked.request)
        # Were it dropped first, and the log away, it would be lost. Approved again, it is the same erasure.
        await self._waiting.drop(who.tenant, asked.request)
        return json({"receipt": asked.request}, 202)

    async def reject(self, request: Request) -> Response:
        """Drop it; whoever asked may take it back so."""
        who, asked = await self._asked(request)
        self._note(who, "erase_rejected", asked)
        await self._waiting.drop(who.tenant, asked.request)
        return json({"request": asked.request})

    async def _asked(self, request: Request) -> tuple[Principal, Asked]:
        who = request.who
        spend(who, 1)
        which = decoded(_which, await request.body(), "request")
        asked = await self._waiting.find(who.tenant, which.request)
        if asked is None:
            raise Refused(404, "no such request waits", "unknown")
        return who, asked

    def _note(self, who: Principal, act: str, asked: Asked) -> None:
        x = self._desk.shared.generations.current.observer.identify(asked.type, asked.value)[0]
        about, detail = [self._desk.audit.seal.of(who.tenant, x)], {"request": asked.request}
        self._desk.audit.note_now(Entry(who=who.id, tenant=who.tenant, act=act, about=about, detail=detail))


def _told(asked: Asked, who: Principal) -> dict[str, Any]:
    return {
        "request": asked.request,
        "at": time_json(asked.at),
        "by": asked.name,
        "own": asked.who == who.id,
        "identifier": {"type": asked.type, "value": asked.value},
        "only": asked.only,
        "why": asked.why,
    }
