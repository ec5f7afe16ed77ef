"""The client that blocks. Threads may share it."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from threading import Lock
from typing import Any, Self

import httpx

from serving_layer import shapes
from serving_layer.client import core
from serving_layer.client.core import Call, Pair, Reply
from serving_layer.client.errors import UcidError
from serving_layer.client.gathering import Gathering, answer, fail
from serving_layer.client.patience import Patience

Waiting = tuple[Pair, "Future[shapes.Found | None]"]


class Client:
    """Asks the API at `url` with a key. Use as a context manager, or `close` it.

    `timeout` is how many seconds a request may take; `transport` is httpx's. All methods raise UcidError.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 10.0,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._patience = patience or Patience()
        self._gathering: Gathering[Future[shapes.Found | None]] = Gathering()
        self._flight = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def lookup(self, asked: Sequence[Pair], as_of: datetime | None = None) -> shapes.Lookup:
        """Which customer is each of these (type, value) pairs? Any number of them; with `as_of`, then."""
        starts = range(0, len(asked), core.TOGETHER) or [0]
        parts = [asked[start : start + core.TOGETHER] for start in starts]
        return core.together([self._ask(core.lookup(part, as_of)) for part in parts])

    def lookup_one(self, type_: str, value: str) -> shapes.Found | None:
        """Which customer is this? What several threads ask at the same time shares a request."""
        mine: Future[shapes.Found | None] = Future()
        self._gathering.add((type_, value), mine)
        while not mine.done():
            with self._flight:
                if not mine.done():
                    self._fly(self._gathering.some())
        return mine.result()

    def customer(self, customer_id: str) -> shapes.Customer:
        """A customer, by its id or one that it had before a merge."""
        found: shapes.Customer = self._ask(core.customer(customer_id))
        return found

    def history(self, customer_id: str) -> shapes.History:
        """What happened to a customer, oldest first."""
        found: shapes.History = self._ask(core.history(customer_id))
        return found

    def explain(self, a: Pair, b: Pair) -> shapes.Explanation:
        """Why two identifiers are one customer, or why not."""
        found: shapes.Explanation = self._ask(core.explain(a, b))
        return found

    def decide(self, verdict: str, a: Pair, b: Pair, why: str) -> shapes.Decided:
        """`must_link`, `cannot_link` or `undo`."""
        found: shapes.Decided = self._ask(core.decide(verdict, a, b, why))
        return found

    def customers(
        self, type_: str | None = None, since: datetime | None = None
    ) -> Iterator[shapes.CustomerRow]:
        """Every customer, page by page. Raises StartAgain where a handover came in between."""
        return self._rows("customers", shapes.CustomersPage, type=type_, since=since)

    def identifiers(self, type_: str | None = None) -> Iterator[shapes.IdentifierRow]:
        """Every identifier that belongs to a customer. Raises StartAgain likewise."""
        return self._rows("identifiers", shapes.IdentifiersPage, type=type_)

    def changes(
        self,
        cursor: str | None = None,
        *,
        kind: str | None = None,
        since: datetime | None = None,
        limit: int = core.TOGETHER,
    ) -> shapes.ChangesPage:
        """A page of changes. Ask again with its `next`, at once where there is `more`, else later."""
        filters = {"kind": kind, "since": since}
        found: shapes.ChangesPage = self._ask(
            core.page("changes", shapes.ChangesPage, cursor, limit, filters)
        )
        return found

    def _rows(self, what: str, shape: Any, **filters: Any) -> Iterator[Any]:  # noqa: ANN401
        cursor: str | None = None
        more = True
        while more:
            found = self._ask(core.page(what, shape, cursor, core.TOGETHER, filters))
            yield from getattr(found, what)
            cursor, more = found.next, found.more

    def _fly(self, batch: list[Waiting]) -> None:
        lists = [batch]
        while lists:
            some = lists.pop()
            try:
                found = self._ask(core.lookup([pair for pair, _ in some]))
            except UcidError as error:
                lists += fail(some, error)
            except BaseException:
                self._gathering.back([one for rest in (some, *lists) for one in rest])
                raise
            else:
                answer(some, found.results)

    def _ask(self, call: Call) -> Any:  # noqa: ANN401
        talk = core.conversation(call, self._patience)
        try:
            step = next(talk)
            while True:
                if isinstance(step, float):
                    time.sleep(step)
                    step = next(talk)
                else:
                    step = talk.send(self._send(step))
        except StopIteration as done:
            return done.value

    def _send(self, call: Call) -> Reply | None:
        try:
            response = self._http.request(call.method, call.path, params=call.query, content=call.body)
        except httpx.RequestError:
            return None
        return Reply(response.status_code, response.headers, response.content)
