"""What both clients do, without I/O: what is asked, what an answer means, and when to ask again."""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from serving_layer import shapes
from serving_layer.client.errors import KINDS, NotUnderstood, Rejected, Unreachable
from serving_layer.client.patience import Patience

Pair = tuple[str, str]
"""The type of an identifier, and its value as it was met."""

# Identifiers in one list, and rows of a page.
TOGETHER: Final = 1_000


class Call(NamedTuple):
    """One request, and what its answer is read as."""

    method: str
    path: str
    shape: Any
    query: Mapping[str, str] = {}
    body: bytes | None = None


class Reply(NamedTuple):
    """One response; header fields by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Conversation = Generator[Call | float, Reply | None, Any]
"""Yields calls, to be sent their replies (None where nobody answers), and seconds to wait in between."""


def conversation(call: Call, patience: Patience) -> Conversation:
    """Ask until there is an answer, or no hope of one. Raises UcidError."""
    tried = 0
    while True:
        reply = yield call
        tried += 1
        if reply is not None and reply.status in {200, 202}:
            return _read(call, reply.body)
        status = None if reply is None else reply.status
        retry_after = None if reply is None else _seconds(reply.headers.get("retry-after"))
        wait = patience.wait(tried, status, retry_after)
        if wait is None:
            raise _error(reply, tried, retry_after)
        yield wait


def lookup(asked: Sequence[Pair], as_of: datetime | None = None) -> Call:
    """At most TOGETHER identifiers."""
    content: dict[str, Any] = {"identifiers": [_plain(pair) for pair in asked]}
    if as_of is not None:
        content["as_of"] = as_of
    return _post("/v1/lookup", shapes.Lookup, content)


def explain(a: Pair, b: Pair) -> Call:
    """Why two identifiers are one customer, or not."""
    return _post("/v1/explain", shapes.Explanation, {"a": _plain(a), "b": _plain(b)})


def decide(verdict: str, a: Pair, b: Pair, why: str) -> Call:
    """A steward's decision."""
    content = {"verdict": verdict, "a": _plain(a), "b": _plain(b), "why": why}
    return _post("/v1/decisions", shapes.Decided, content)


def customer(customer_id: str) -> Call:
    """A customer, by its id or one that it had."""
    return Call("GET", f"/v1/customers/{_segment(customer_id)}", shapes.Customer)


def history(customer_id: str) -> Call:
    """What happened to a customer."""
    return Call("GET", f"/v1/customers/{_segment(customer_id)}/history", shapes.History)


def page(what: str, shape: Any, cursor: str | None, limit: int, filters: Mapping[str, Any]) -> Call:  # noqa: ANN401
    """A page of the data API; filters that are None are none."""
    given = {"limit": limit, "cursor": cursor, **filters}
    query = {name: _text(value) for name, value in given.items() if value is not None}
    return Call("GET", f"/v1/{what}", shape, query)


def together(found: Sequence[shapes.Lookup]) -> shapes.Lookup:
    """Several lists as one. It is as fresh as the least of them; offsets are those of the first."""
    first = found[0]
    return msgspec.structs.replace(
        first,
        results=[one for some in found for one in some.results],
        generation=min(some.generation for some in found),
        stale=any(some.stale for some in found),
    )


def _post(path: str, shape: Any, content: Mapping[str, Any]) -> Call:  # noqa: ANN401
    return Call("POST", path, shape, body=msgspec.json.encode(content))


def _plain(pair: Pair) -> dict[str, str]:
    return {"type": pair[0], "value": pair[1]}


def _segment(customer_id: str) -> str:
    return quote(customer_id, safe="")


def _text(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read(call: Call, body: bytes) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(body, type=call.shape)
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"{call.path}: this is no answer of ucid: {error}") from None


def _error(reply: Reply | None, tried: int, retry_after: float | None) -> Exception:
    if reply is None:
        return Unreachable(f"nobody answered, {tried} times")
    try:
        text = msgspec.json.decode(reply.body, type=shapes.Problem).error
    except msgspec.DecodeError:
        text = f"status {reply.status}, without a word"
    return KINDS.get(reply.status, Rejected)(reply.status, text, retry_after)


def _seconds(header: str | None) -> float | None:
    """Retry-After as seconds; a date, which ucid never sends, counts as nothing."""
    return float(header) if header is not None and header.isdecimal() else None
