"""POST /v1/profiles/update: what customers say of themselves. The log takes it from there."""

import time
import uuid
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from identity import InvalidValueError, Rules
from schemas import WebEvent
from schemas.claims import SELF_SERVICE, UPDATE
from serving_layer.access.audit import Entry
from serving_layer.access.gate import spend
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.web.body import decoded
from serving_layer.web.decisions import Send, identified
from serving_layer.web.lookups import Question
from serving_layer.web.message import Request, Response, json

# Attributes in one update.
MOST: Final = 100


class Update(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some attributes of the customer who has an identifier."""

    identifier: Question
    attributes: Annotated[dict[str, str | int | float | bool], msgspec.Meta(min_length=1, max_length=MOST)]


_update = msgspec.json.Decoder(Update)


class Profiles:
    """The routes' handlers. `send` puts an event into the log: where, and at which offset."""

    def __init__(self, desk: Desk, send: Send, clock: Callable[[], int] = time.time_ns) -> None:
        self._desk = desk
        self._send = send
        self._clock = clock

    async def update(self, request: Request) -> Response:
        """202 and the event's place in the log: answers whose `offsets` have passed it know it.

        Refused (400) names each attribute that the rules do not take, and takes none of them.
        """
        who = request.who
        spend(who, 1)
        update = decoded(_update, await request.body(), "update")
        x = identified(self._desk, update.identifier)
        said = _checked(update, self._desk.shared.generations.current.rules)
        event = WebEvent(
            event_id=str(uuid.uuid4()),
            tenant=who.tenant,
            occurred_at=self._clock() // 1_000,
            kind=UPDATE,
            identifiers={update.identifier.type: [update.identifier.value]},
            properties=said,
        )
        self._desk.audit.note_now(
            Entry(
                who=who.id,
                tenant=who.tenant,
                act="update",
                about=[self._desk.audit.seal.of(who.tenant, x)],
                detail={"event_id": event.event_id, "attributes": ", ".join(sorted(said))},
            )
        )
        partition, offset = await self._send(event)
        return json({"event_id": event.event_id, "offset": {partition: offset}}, 202)


def _checked(update: Update, rules: Rules) -> dict[str, str]:
    """The attributes as events carry them. Raises Refused (400), which repeats no name but the rules'."""
    said, problems, unknown = {}, [], 0
    for name, value in update.attributes.items():
        rule = rules.profile.get(name)
        if rule is None or not rule.takes(SELF_SERVICE):
            unknown += 1
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode().removesuffix(".0")
        try:
            if rule.read(text) is None:
                problems.append(f"{name}: says nothing")
        except InvalidValueError as error:
            problems.append(f"{name}: {error}")
        said[name] = text
    if unknown:
        open_ = [name for name, rule in rules.profile.items() if rule.takes(SELF_SERVICE)]
        problems.append(
            f"{unknown} of the attributes cannot be updated; these can: {', '.join(open_) or 'none'}"
        )
    if problems:
        raise Refused(400, "; ".join(problems), "body")
    return said
