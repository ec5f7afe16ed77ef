"""POST /v1/decisions: must-link, cannot-link and undo, with who and why. The log takes it from there."""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from identity import Identifier
from schemas import Decision, Verdict, WebEvent
from schemas import Identifier as Sent
from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.web.body import decoded
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json

Send = Callable[[Decision | WebEvent], Awaitable[tuple[str, int]]]


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a steward says of two identifiers."""

    verdict: Verdict
    a: Question
    b: Question
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


_ruling = msgspec.json.Decoder(Ruling)


class Decisions:
    """The routes' handlers. `send` puts a decision into the log: where, and at which offset."""

    def __init__(self, desk: Desk, send: Send, clock: Callable[[], int] = time.time_ns) -> None:
        self._desk = desk
        self._send = send
        self._clock = clock

    async def decide(self, request: Request) -> Response:
        """202 and the decision's place in the log: answers whose `offsets` have passed it obey it.

        Who decides is who asks: nobody signs for another.
        """
        who = request.who
        spend(who, 2)
        ruling = decoded(_ruling, await request.body(), "decision")
        a, b = (identified(self._desk, x) for x in (ruling.a, ruling.b))
        if a == b:
            raise Refused(400, "a decision needs two different identifiers; these are one", "body")
        decision = Decision(
            decision_id=str(uuid.uuid4()),
            tenant=who.tenant,
            decided_at=self._clock() // 1_000,
            verdict=ruling.verdict,
            a=Sent(ruling.a.type, ruling.a.value),
            b=Sent(ruling.b.type, ruling.b.value),
            who=who.name,
            why=ruling.why,
        )
        seal = self._desk.audit.seal
        self._desk.audit.note_now(
            Entry(
                who=who.id,
                tenant=who.tenant,
                act="decision",
                about=[seal.of(who.tenant, x) for x in (a, b)],
                detail={"decision_id": decision.decision_id, "verdict": ruling.verdict},
            )
        )
        partition, offset = await self._send(decision)
        return json({"decision_id": decision.decision_id, "offset": {partition: offset}}, 202)


def identified(desk: Desk, x: Question) -> Identifier:
    """The identifier that somebody means to say something of. Raises UnknownTypeError, and Refused (400)."""
    identifier, fault = desk.shared.generations.current.observer.identify(x.type, x.value)
    if fault is not None:
        raise Refused(400, f"a {x.type} that links nobody: {fault}", "body")
    return identifier
