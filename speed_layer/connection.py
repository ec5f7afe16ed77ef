"""A connection to Redis of one's own, for as long as commands and their replies are under way.

The client takes a command and waits for its reply. Here commands are sent as they are made, and replies taken
as they are needed: so Redis works on some while we work on others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import hiredis
from redis import Redis

Result = TypeVar("Result")


def connected(redis: Redis, talk: Callable[[Any], Result]) -> Result:
    """What `talk` gives of a connection, tried again as the client's other commands are."""
    connection: Any = redis.connection_pool.get_connection()  # which redis types half
    try:
        result: Result = connection.retry.call_with_retry(
            lambda: talk(connection), lambda _: connection.disconnect()
        )
    except BaseException:
        connection.disconnect()  # replies that nobody took must not be another command's
        raise
    finally:
        redis.connection_pool.release(connection)
    return result


def replies(redis: Redis, commands: Callable[[], Iterable[Sequence[Any]]]) -> Iterator[Any]:
    """The replies to commands that may be sent twice, each as soon as it is there; they are sent at once.

    A connection that breaks before the first reply is tried again, as the client would; later it is an error.
    """
    found = _replies(redis, commands)
    next(found)
    return found


def _replies(redis: Redis, commands: Callable[[], Iterable[Sequence[Any]]]) -> Iterator[Any]:
    connection: Any = redis.connection_pool.get_connection()
    left = 0

    def begin() -> None:
        nonlocal left
        left = 0
        for command in commands():
            left += 1
            send(connection, command)

    def first() -> Any:  # noqa: ANN401 - redis types no replies
        if not left:
            begin()
        return connection.read_response()

    def broken(_: Exception) -> None:
        nonlocal left
        left = 0
        connection.disconnect()

    try:
        connection.retry.call_with_retry(begin, broken)
        yield None  # they are sent
        if left:
            reply = connection.retry.call_with_retry(first, broken)
            left -= 1
            yield reply
        while left:
            reply = connection.read_response()
            left -= 1
            yield reply
    finally:
        if left:
            connection.disconnect()  # replies that nobody took must not be another command's
        redis.connection_pool.release(connection)


def send(connection: Any, command: Sequence[Any]) -> None:  # noqa: ANN401 - redis types half of it
    """Send a command: bytes, text and numbers."""
    # As the connection would pack it, but without looking at each argument first.
    connection.send_packed_command([hiredis.pack_command(tuple(command))])
