"""A call is answered once, by its own reply or an error, whatever becomes of the connection."""

import asyncio
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis as AioRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as TooLate

from serving_layer.wire import Wire
from tests.graph.redis_server import RedisServer

LIVE = b"live"
# Of a caller who has generation 1 open, and wants nothing read.
QUESTION = [LIVE, b"through", b"offsets", b"pending"], [1, 0, 0]


@pytest.fixture
def own_server():
    with RedisServer() as server:
        yield server


@contextmanager
def talking(socket, timeout=None):
    """Asks in a loop of its own: as often as told, all at once; returns the replies or errors."""

    async def ask(wire, times):
        answers = [asyncio.get_running_loop().create_future() for _ in range(times)]
        for answer in answers:
            wire.call(*QUESTION, answer.set_result)  # a second call of it would raise
        return await asyncio.gather(*answers)

    with asyncio.Runner() as runner:
        redis = AioRedis(
            unix_socket_path=str(socket), socket_timeout=timeout, retry=Retry(NoBackoff(), retries=0)
        )
        wire = Wire(redis)
        yield lambda times=1: runner.run(ask(wire, times))
        wire.close()
        runner.run(redis.aclose())


def test_calls_at_once_have_their_own_connections_and_those_are_used_again(own_server):
    client = own_server.client()
    client.set(LIVE, 2)
    with talking(own_server.socket) as ask:
        for _ in range(3):
            assert ask(4) == [[b"2"]] * 4
        assert [one["cmd"] for one in client.client_list()].count("evalsha") == 4


def test_a_redis_that_has_forgotten_the_script_is_told_it_again(own_server):
    client = own_server.client()
    client.set(LIVE, 2)
    with talking(own_server.socket) as ask:
        ask(2)
        client.script_flush()
        assert ask(2) == [[b"2"]] * 2


def test_a_connection_that_broke_while_idle_is_replaced(own_server):
    client = own_server.client()
    with talking(own_server.socket) as ask:
        ask(2)
        client.client_kill_filter(_type="normal", skipme=True)
        assert ask(2) == [[None]] * 2


def test_a_connection_that_breaks_under_a_call_is_replaced_once(own_server):
    client = own_server.client()
    with talking(own_server.socket) as ask:
        ask()
        client.client_pause(60_000)  # so that no reply comes before the end
        own_server.stop()
        (error,) = ask()
        assert isinstance(error, Broken)
        own_server.start()
        assert ask() == [[None]]


def test_without_redis_there_is_an_error_each_time(own_server):
    own_server.stop()
    with talking(own_server.socket) as ask:
        assert all(isinstance(error, Broken) for error in ask(2) + ask(2))


def test_what_comes_too_late_is_nobody_elses_reply(own_server):
    client = own_server.client()
    client.set(LIVE, 2)
    with talking(own_server.socket, timeout=0.3) as ask:
        ask()
        client.client_pause(60_000, all=False)  # writers, and scripts: one may write
        (error,) = ask()
        assert isinstance(error, TooLate)
        client.client_unpause()
        client.set(LIVE, 3)
        assert ask() == [[b"3"]]


def test_an_error_of_redis_is_told_as_one(own_server):
    client = own_server.client()
    client.lpush(LIVE, "a list")
    with talking(own_server.socket) as ask:
        (error,) = ask()
        assert isinstance(error, ResponseError)
        client.delete(LIVE)
        assert ask() == [[None]]


def test_what_is_no_reply_ends_the_connection(tmp_path):
    """A server that greets as Redis does, and then talks of something else."""

    async def talk(reader, writer):
        answers = {b"EVALSHA": b"!? no reply\r\n", b"HELLO": b"%0\r\n"}
        try:
            while line := await reader.readline():
                words = [await reader.readline() for _ in range(2 * int(line[1:]))][1::2]
                writer.write(answers.get(words[0].strip().upper(), b"+OK\r\n"))
        finally:
            writer.close()

    async def ask():
        path = tmp_path / "server"
        async with await asyncio.start_unix_server(talk, path):
            redis = AioRedis(unix_socket_path=str(path), retry=Retry(NoBackoff(), retries=0))
            wire, answer = Wire(redis), asyncio.get_running_loop().create_future()
            wire.call(*QUESTION, answer.set_result)
            error = await answer
            wire.close()
            await redis.aclose()
            return error

    assert isinstance(asyncio.run(ask()), InvalidResponse)
