"""POST /v1/lookup: a list, or a stream of any length. Identifiers travel in bodies, never in a URL."""

from collections.abc import AsyncGenerator
from datetime import datetime
from time import perf_counter
from typing import IO, Annotated, Final

import msgspec

from identity import UnknownTypeError
from schemas.errors import SchemaError
from serving_layer.access.principal import Principal
from serving_layer.desk import Asked, Desk
from serving_layer.errors import Refused
from serving_layer.past import NotCovered
from serving_layer.reading import MOST
from serving_layer.repeated import MOST as MOST_REPEATED
from serving_layer.repeated import MOST_IDENTIFIERS, Repeat, Repeated, repeat
from serving_layer.settled import Answers
from serving_layer.web.again import Again, Ending, answered
from serving_layer.web.body import decoded
from serving_layer.web.lines import lines
from serving_layer.web.message import NDJSON, Request, Response, Stream
from serving_layer.web.route import Told

# What metrics call the route.
ROUTE: Final = "POST /v1/lookup"

# Bytes of a list.
MOST_BYTES: Final = 1 << 20

# Bytes of a stream: some ten million identifiers.
MOST_STREAM: Final = 1 << 30

# Lines of a stream that are answered together, at most.
TOGETHER: Final = 1_000


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One identifier, as it was met."""

    type: str
    value: str


class Questions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of them; with `as_of`, who they were then."""

    identifiers: Annotated[list[Question], msgspec.Meta(max_length=MOST)]
    as_of: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


_list = msgspec.json.Decoder(Questions)
_line = msgspec.json.Decoder(Question)
_encode = msgspec.json.Encoder().encode


class Lookups:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._generations = desk.shared.generations
        self._repeated = Repeated(MOST_REPEATED)
        self._ending = Ending()
        self._again = Again(desk, ROUTE, self._ending, self._anew, self.at_once)

    async def lookup(self, request: Request) -> Response | Stream:
        """Answer a list, or a stream where the content type says so."""
        kind = request.headers.get("content-type", "")
        if kind.startswith(NDJSON):
            body = await request.spooled(MOST_STREAM)
            return Stream(self._streamed(request.who, body), NDJSON)
        asked = decoded(_list, await request.body(), "lookup")
        as_of = None if asked.as_of is None else round(asked.as_of.timestamp() * 1_000_000)
        try:
            answer = await self._desk.lookup(request.who, _pairs(asked.identifiers), as_of)
        except NotCovered as error:
            raise Refused(404, str(error), "past") from None
        return Response(answered(_results(answer), self._ending(answer.freshness)))

    def at_once(self, who: Principal, body: bytes, start: float, told: Told) -> None:
        """The answer to a list without a task: `told` is called with it, or with None for `lookup` to say.

        `start` is when it began to be asked, by `time.perf_counter`.
        """
        key = who.mark + body
        known = self._repeated.get(self._generations.number, key)
        if known is None:
            asked = _asked(body)
            if asked is None:
                told(None)
                return
            known = self._beneath(who, asked)
            if known is None:
                self._tell(who, asked, key, start, told)
                return
            self._repeated.keep(key, known)
        self._again.ask(who, known, body, start, told)

    def _beneath(self, who: Principal, asked: Asked) -> Repeat | None:
        if len(asked) > MOST_IDENTIFIERS:
            return None
        try:
            return self._desk.beneath(who, asked)
        except Exception:  # noqa: BLE001 - whatever it is, who asks in the usual way is told
            return None

    def _anew(self, who: Principal, body: bytes, start: float, told: Told) -> None:
        """What was known of this question does not hold."""
        asked = _asked(body)
        assert asked is not None, "it was read before"
        self._tell(who, asked, who.mark + body, start, told)

    def _tell(self, who: Principal, asked: Asked, key: bytes, start: float, told: Told) -> None:
        """The same for a list that is long, or that the generation does not answer by itself."""

        def found(answers: Answers | None) -> None:
            if answers is None:
                told(None)
                return
            generation = answers.freshness.generation
            if (known := repeat(generation, answers.found)) is not None:
                self._repeated.keep(key, known)
            told(answered(_results(answers), self._ending(answers.freshness)))
            self._desk.metrics.answered(ROUTE, 200, perf_counter() - start)

        self._desk.tell(who, asked, found, anew=len(asked) <= MOST_IDENTIFIERS)

    async def _streamed(self, who: Principal, body: IO[bytes]) -> AsyncGenerator[bytes, None]:
        """Answers, a line each. What is wrong ends the stream with a line that says so."""
        try:
            for some in lines(body, TOGETHER):
                asked = [decoded(_line, line, "lookup") for line in some]
                found, freshness = await self._desk.lookup(who, _pairs(asked))
                end = self._ending(freshness)
                yield b"".join(b'{"result":' + one.json + b"," + end + b"\n" for one in found)
        except UnknownTypeError as error:
            yield _encode({"error": str(error), "status": 400}) + b"\n"
        except Refused as error:
            yield _encode({"error": str(error), "status": error.status}) + b"\n"
        except SchemaError as error:
            yield _encode({"error": str(error), "status": 503}) + b"\n"
        finally:
            body.close()


def _asked(body: bytes) -> Asked | None:
    """What a list asks for who they are now; None where it asks for something else, or is none."""
    try:
        asked = _list.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if asked.as_of is not None else _pairs(asked.identifiers)


def _results(answers: Answers) -> bytes:
    return b",".join([one.json for one in answers.found])


def _pairs(asked: list[Question]) -> list[tuple[str, str]]:
    return [(x.type, x.value) for x in asked]
