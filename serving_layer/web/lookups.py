"""POST /v1/lookup: a list, or a stream of any length. Identifiers travel in bodies, never in a URL."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import IO, Annotated, Final

import msgspec

from identity import UnknownTypeError
from schemas.errors import SchemaError
from serving_layer.access.principal import Principal
from serving_layer.answers import found_bytes, freshness_json
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.past import NotCovered
from serving_layer.questions import Answer
from serving_layer.reading import MOST, Freshness
from serving_layer.repeated import Repeat, Repeated, may_repeat
from serving_layer.web.body import decoded
from serving_layer.web.lines import lines
from serving_layer.web.message import NDJSON, Request, Response, Stream

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
        self._repeated = Repeated()
        self._ending: tuple[Freshness, bytes] | None = None

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
        return Response(self._body(_results(request.who, answer), answer.freshness))

    def at_once(self, who: Principal, body: bytes, told: Callable[[bytes | None], None]) -> None:
        """The answer to a list without a task: `told` is called with it, or with None for `lookup` to say."""
        key = (who.tenant, "read" in who.scopes, body)
        repeat = self._repeated.get(self._desk.generation, key)
        if repeat is None:
            self._first(who, body, key, told)
            return

        def seen(freshness: Freshness | None) -> None:
            if freshness is None:
                self._first(who, body, key, told)
            else:
                told(self._body(repeat.results, freshness))

        self._desk.again(who, repeat, seen)

    def _first(
        self, who: Principal, body: bytes, key: tuple[str, bool, bytes], told: Callable[[bytes | None], None]
    ) -> None:
        """The same for a question that was not asked before, or that has another answer now."""
        try:
            asked = _list.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told(None)
            return
        if asked.as_of is not None:
            told(None)
            return

        def found(answer: Answer | None) -> None:
            if answer is None:
                told(None)
                return
            results = _results(who, answer)
            if may_repeat(answer):
                self._repeated.keep(answer.freshness.generation, key, Repeat(answer, results))
            told(self._body(results, answer.freshness))

        self._desk.tell(who, _pairs(asked.identifiers), found)

    def _body(self, results: bytes, freshness: Freshness) -> bytes:
        return b'{"results":[%b],%b' % (results, self._end(freshness))

    async def _streamed(self, who: Principal, body: IO[bytes]) -> AsyncGenerator[bytes, None]:
        """Answers, a line each. What is wrong ends the stream with a line that says so."""
        members = "read" in who.scopes
        try:
            for some in lines(body, TOGETHER):
                asked = [decoded(_line, line, "lookup") for line in some]
                found, freshness = await self._desk.lookup(who, _pairs(asked))
                end = self._end(freshness)
                yield b"".join(
                    b'{"result":' + found_bytes(outcome, members=members) + b"," + end + b"\n"
                    for outcome in found
                )
        except UnknownTypeError as error:
            yield _encode({"error": str(error), "status": 400}) + b"\n"
        except Refused as error:
            yield _encode({"error": str(error), "status": error.status}) + b"\n"
        except SchemaError as error:
            yield _encode({"error": str(error), "status": 503}) + b"\n"
        finally:
            body.close()

    def _end(self, freshness: Freshness) -> bytes:
        """The end of an answer, which many share."""
        if self._ending is None or self._ending[0] is not freshness:
            self._ending = freshness, _encode(freshness_json(freshness))[1:]
        return self._ending[1]


def _results(who: Principal, answer: Answer) -> bytes:
    members = "read" in who.scopes
    return b",".join([found_bytes(outcome, members=members) for outcome in answer.found])


def _pairs(asked: list[Question]) -> list[tuple[str, str]]:
    return [(x.type, x.value) for x in asked]
