"""A connection to Redis of one's own, for as long as commands and their replies are under way.

The client takes a command and waits for its reply. Here commands are sent as they are made, and replies taken
as they are needed: so Redis works on some while we work on others.
"""

from collections.abc import Callable, Iterator, Sequence
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


def replies(redis: Redis, commands: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """The replies to commands that only read, each as soon as it is there.

    A connection that breaks at the first is tried again, as the client would; later it is an error.
    """
    if not commands:
        return
    connection: Any = redis.connection_pool.get_connection()

    def begin() -> Any:  # noqa: ANN401 - redis types no replies
        for command in commands:
            send(connection, command)
        return connection.read_response()

    left = len(commands)
    try:
        first = connection.retry.call_with_retry(begin, lambda _: connection.disconnect())
        left -= 1
        yield first
        while left:
            reply = connection.read_response()
            left -= 1
            yield reply
    finally:
        if left:
            connection.disconnect()
        redis.connection_pool.release(connection)


def send(connection: Any, command: Sequence[Any]) -> None:  # noqa: ANN401 - redis types half of it
    """Send a command: bytes, text and numbers."""
    # As the connection would pack it, but without looking at each argument first.
    connection.send_packed_command([hiredis.pack_command(tuple(command))])
