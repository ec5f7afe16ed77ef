"""POST /v1/simulate: what rules make of events that came along. Nothing of it is kept.

GET /v1/rules: the rules in force, to begin with.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec

from serving_layer.access.gate import spend
from serving_layer.errors import Refused
from serving_layer.generations import Generations
from serving_layer.web.body import decoded
from serving_layer.web.message import Request, Response, json

# Characters of a rule file, and of events.
MOST_RULES: Final = 1 << 16
MOST_EVENTS: Final = 1 << 20

# Bytes of a body: both of them, in JSON, which may write a character as two bytes and a quote as two, too.
MOST_BYTES: Final = 2 * (MOST_RULES + MOST_EVENTS)

# What a trial costs of a key's rate, in identifiers: it takes a process of its own.
COST: Final = 500

TryOut = Callable[[str, str], Awaitable[bytes]]
"""What `ucid simulate` prints of a rule file and lines of events. Raises Refused."""


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule file as YAML, and events as lines of JSON."""

    rules: Annotated[str, msgspec.Meta(max_length=MOST_RULES)]
    events: Annotated[str, msgspec.Meta(max_length=MOST_EVENTS)]


_trial = msgspec.json.Decoder(Trial)


class Trials:
    """The routes' handlers. One trial of a process at a time: the others wait for nobody, and are told so."""

    def __init__(self, try_out: TryOut, generations: Generations) -> None:
        self._try_out = try_out
        self._generations = generations
        self._busy = asyncio.Lock()

    async def simulate(self, request: Request) -> Response:
        """What the rules make of the events, as `ucid simulate` says it."""
        trial = decoded(_trial, await request.body(), "trial")
        spend(request.who, COST)
        if self._busy.locked():
            text = "another trial is under way: try again in a moment"
            raise Refused(503, text, "busy", {"retry-after": "2"})
        async with self._busy:
            return Response(await self._try_out(trial.rules, trial.events))

    async def rules(self, _: Request) -> Response:
        """The rules that answers rest on."""
        manifest = self._generations.current.generation.manifest
        return json(
            {"generation": manifest.generation, "fingerprint": manifest.fingerprint, "rules": manifest.rules}
        )
