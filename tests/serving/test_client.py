"""Both clients, against the real server: what they ask, together, and again."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import httpx
import pytest

from schemas import overlay
from serving_layer import shapes
from serving_layer.client import (
    AsyncClient,
    Client,
    NotAllowed,
    NotUnderstood,
    Patience,
    StartAgain,
    TooMany,
    Unavailable,
    Unknown,
    Unreachable,
    WrongRequest,
    core,
)
from serving_layer.client.core import Call, Reply, conversation
from tests.serving.running import running
from tests.serving.world import ANN, TOM

__all__ = ["running"]

QUICK = Patience(tries=4, first=0.001, longest=0.01)


class Counting(httpx.HTTPTransport):
    """Counts requests; waits before the first where it is held."""

    def __init__(self):
        super().__init__()
        self.requests = 0
        self.begun, self.free = Event(), Event()
        self.free.set()

    def handle_request(self, request):
        self.requests += 1
        self.begun.set()
        assert self.free.wait(30)
        return super().handle_request(request)


class AsyncCounting(httpx.AsyncHTTPTransport):
    requests = 0

    async def handle_async_request(self, request):
        self.requests += 1
        return await super().handle_async_request(request)


class Blocking:
    """The asynchronous client, driven as if it blocked: so both pass the same tests."""

    def __init__(self, *arguments, **more):
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(*arguments, **more)

    def __getattr__(self, name):
        method = getattr(self._client, name)

        def call(*arguments, **more):
            made = method(*arguments, **more)
            if hasattr(made, "__aiter__"):
                return self._loop.run_until_complete(_all(made))
            return self._loop.run_until_complete(made)

        return call

    def __enter__(self):
        self._loop.run_until_complete(self._client.__aenter__())
        return self

    def __exit__(self, *_):
        self._loop.run_until_complete(self._client.__aexit__())
        self._loop.close()


async def _all(rows):
    return [row async for row in rows]


@pytest.fixture(scope="module")
def secret(running):
    return running.key()


@pytest.fixture(params=[Client, Blocking], ids=["sync", "async"])
def make(request, running, secret):
    made = []

    def make(key=secret, **more):
        made.append(request.param(running.url, key, **{"patience": QUICK} | more).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__()


def test_every_method_has_its_answer(make):
    client = make()
    found = client.lookup([("email", "Tom@example.com"), ("login", "nobody")])
    assert isinstance(found, shapes.Lookup)
    tom, nobody = found.results
    assert nobody is None
    assert (found.generation, found.stale) == (1, False)
    assert client.lookup_one("login", "tom") == tom
    customer = client.customer(tom.customer_id)
    assert (customer.identifiers, customer.moved) == (tom.identifiers, False)
    assert client.history(tom.customer_id).changes == []
    explanation = client.explain(("login", "tom"), ("email", TOM["email"]))
    assert explanation.same
    assert explanation.path[0].first_seen.tzinfo is not None
    decided = client.decide("undo", ("login", "tom"), ("login", "ann"), "a mistake")
    assert decided.offset.keys() == {"customer.decisions:0"}
    customers = list(client.customers())
    assert tom.customer_id in {row.customer_id for row in customers}
    assert {row.value for row in client.identifiers("login")} == {"tom", "ann"}
    assert [row.customer_id for row in client.customers("cookie")] != []
    assert list(client.customers(since=datetime.now(UTC))) == []


def test_pages_of_rows_and_of_changes_go_on(make, monkeypatch):
    client = make()
    everybody = list(client.customers())
    monkeypatch.setattr(core, "TOGETHER", 2)
    assert list(client.customers()) == everybody
    first = client.changes(limit=2)
    rest = client.changes(first.next)
    assert [row.change_id for row in (*first.changes, *rest.changes)] == [f"h{i}" for i in range(5)]
    assert (first.more, rest.more) == (True, False)
    since = rest.changes[-1].at - timedelta(seconds=1)
    assert [row.kind for row in client.changes(kind="created", since=since).changes] == ["created"]


def test_a_long_list_is_asked_in_several(make, monkeypatch):
    monkeypatch.setattr(core, "TOGETHER", 3)
    client = make()
    found = client.lookup([("login", "tom"), ("login", "nobody")] * 5)
    assert [one is not None for one in found.results] == [True, False] * 5
    assert client.lookup([]).results == []


def test_errors_are_told_apart_and_quote_nobody(make, running):
    client = make()
    for error, ask in (
        (WrongRequest, lambda: client.lookup([("card", "4111")])),
        (WrongRequest, lambda: client.changes("no cursor")),
        (Unknown, lambda: client.customer("c_nobody")),
        (Unknown, lambda: client.lookup([("login", "tom")], datetime(1960, 1, 1, tzinfo=UTC))),
        (Unknown, lambda: client.customer("../x?y")),
        (NotAllowed, lambda: make("ucid_wrong").lookup([("login", "tom")])),
        (NotAllowed, lambda: make(running.key("lookup")).customer("c_nobody")),
        (Unreachable, lambda: make(transport=_nobody(client)).lookup([("login", "tom")])),
    ):
        with pytest.raises(error) as raised:
            ask()
        assert "4111" not in str(raised.value)
    with pytest.raises(ValueError, match="time zone"):
        list(client.customers(since=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is what is wrong


def _nobody(client):
    def refuse(_):
        raise httpx.ConnectError("refused")

    return httpx.MockTransport(refuse) if isinstance(client, Client) else _AsyncNobody()


class _AsyncNobody(httpx.AsyncBaseTransport):
    async def handle_async_request(self, _):
        raise httpx.ConnectError("refused")


def test_a_limit_is_waited_for_or_told(make, running):
    key = running.key(rate=1)
    principal = running.ring.find(key)
    principal.rate.empty()
    with pytest.raises(TooMany) as raised:
        make(key).lookup([("login", "tom")])
    assert raised.value.retry_after >= 1
    principal.rate.empty()
    assert make(key, patience=Patience(longest=5)).lookup([("login", "tom")]).results[0] is not None


def test_an_answer_without_the_stream_says_that_it_is_stale(make, running):
    client = make()
    live = running.world.redis.get(overlay.LIVE)
    running.world.redis.delete(overlay.LIVE)
    try:
        found = client.lookup([("login", "tom")])
        assert found.stale
        assert found.results[0] is not None
        with pytest.raises(Unavailable):
            list(client.customers())
    finally:
        running.world.redis.set(overlay.LIVE, live)


def test_a_cursor_of_another_generation_is_told(running, secret, monkeypatch):
    monkeypatch.setattr(core, "TOGETHER", 1)
    with Client(running.url, secret) as client:
        rows = client.customers()
        next(rows)
        move_on(running, rows)


def move_on(running, rows):
    running.world.publish(TOM, ANN, number=2)
    running.world.go_live()
    try:
        with pytest.raises(StartAgain, match="start again"):
            list(rows)
    finally:
        running.world.redis.set(overlay.LIVE, 1)


def test_a_server_that_goes_and_comes_back_is_asked_again(make, running):
    patient = Patience(tries=100, first=0.01, longest=0.1)
    client = make(patience=patient)
    before = client.lookup_one("login", "tom")
    running.stop()
    try:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.lookup_one, "login", "tom")
            with pytest.raises(Unreachable):
                make().lookup([("login", "tom")])
            assert not asked.done()
            running.start()
            assert asked.result(30) == before
    finally:
        if not running._thread.is_alive():
            running.start()


def test_what_threads_ask_at_once_shares_requests(running, secret):
    transport = Counting()
    with Client(running.url, secret, transport=transport) as client, ThreadPoolExecutor(40) as pool:
        transport.free.clear()
        first = pool.submit(client.lookup_one, "login", "tom")
        assert transport.begun.wait(30)
        others = [pool.submit(client.lookup_one, "login", ("ann", "nobody")[i % 2]) for i in range(39)]
        while len(client._gathering._waiting) < 39:
            assert not first.done()
        transport.free.set()
        tom, *rest = [future.result(30) for future in (first, *others)]
        assert transport.requests == 2
        assert tom == client.lookup_one("login", "tom")
        assert [found is not None for found in rest] == [i % 2 == 0 for i in range(39)]


def test_what_tasks_ask_at_once_shares_a_request(running, secret):
    transport = AsyncCounting()

    async def ask():
        async with AsyncClient(running.url, secret, transport=transport) as client:
            values = ["tom", "nobody"] * 600
            found = await asyncio.gather(*(client.lookup_one("login", value) for value in values))
            assert [one is not None for one in found] == [True, False] * 600

    asyncio.run(ask())
    assert transport.requests == 2


def test_one_wrong_question_spoils_no_other(running, secret):
    async def ask():
        async with AsyncClient(running.url, secret) as client:
            pairs = [("login", "tom")] * 9
            pairs[4] = ("card", "4111")
            return await asyncio.gather(*(client.lookup_one(*pair) for pair in pairs), return_exceptions=True)

    found = asyncio.run(ask())
    assert [i for i, one in enumerate(found) if isinstance(one, WrongRequest)] == [4]
    assert sum(isinstance(one, shapes.Found) for one in found) == 8


def test_who_goes_away_takes_nobody_along(running, secret):
    """The task that asks for all is cancelled in the middle of it."""
    begun = asyncio.Event()

    class Slow(AsyncCounting):
        async def handle_async_request(self, request):
            if not begun.is_set():
                begun.set()
                await asyncio.Event().wait()
            return await super().handle_async_request(request)

    async def ask():
        async with AsyncClient(running.url, secret, transport=Slow()) as client:
            first, *others = [asyncio.create_task(client.lookup_one("login", "tom")) for _ in range(5)]
            await begun.wait()
            first.cancel()
            return await asyncio.wait_for(asyncio.gather(*others), 30)

    assert all(found is not None for found in asyncio.run(ask()))


CALL = Call("GET", "/x", shapes.Alive)
OK = Reply(200, {}, b'{"alive": true}')


def talk(*replies, patience):
    """What a conversation waits, and its end."""
    conversing = conversation(CALL, patience)
    waits, step = [], next(conversing)
    left = iter(replies)
    try:
        while True:
            if isinstance(step, float):
                waits.append(step)
                step = next(conversing)
            else:
                step = conversing.send(next(left))
    except StopIteration as done:
        return waits, done.value


def status(code, retry_after=None):
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return Reply(code, headers, b'{"error": "no"}')


def test_waits_double_and_never_exceed_the_longest():
    patience = Patience(tries=7, first=1.0, longest=5.0, random=lambda: 1.0)
    waits, value = talk(None, status(503), status(502), status(504), None, None, OK, patience=patience)
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert value == shapes.Alive(alive=True)


def test_waits_are_drawn_and_retry_after_is_the_least():
    patience = Patience(first=4.0, random=lambda: 0.25)
    waits, _ = talk(
        status(429, "3"), status(429, "1"), status(429, "Wed, 21 Oct 2026"), OK, patience=patience
    )
    assert waits == [3.0, 2.0, 2.5]


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([status(400)], WrongRequest),
        ([status(410)], StartAgain),
        ([status(429, "11")], TooMany),
        ([None, None, None], Unreachable),
        ([status(503), None, status(503)], Unavailable),
        ([Reply(200, {}, b"<html>")], NotUnderstood),
        ([Reply(502, {}, b"<html>")] * 3, Unavailable),
    ],
)
def test_hopeless_is_told_at_once_and_the_rest_after_so_many_tries(replies, error):
    with pytest.raises(error):
        talk(*replies, patience=Patience(tries=3, random=lambda: 0.0))


def test_fields_that_are_not_known_yet_are_left_out():
    _, value = talk(Reply(200, {}, b'{"alive": true, "since": 4}'), patience=QUICK)
    assert value == shapes.Alive(alive=True)


def test_it_needs_nothing_of_the_server():
    program = """
import sys, serving_layer.client
servers = {"serving_layer", "schemas", "identity", "deploy", "redis", "lmdb", "uvicorn"}
ours = {name for name in sys.modules if name.split(".")[0] in servers}
print(*sorted(name for name in ours if not (name + ".").startswith("serving_layer.client.")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["serving_layer", "serving_layer.shapes"]
