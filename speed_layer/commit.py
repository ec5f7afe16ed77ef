"""Committing to a view: many updates in one call, each by itself.

A call to Redis costs more than the work it asks for, so updates travel together. They stay independent:
a conflict of one leaves the others done. A script holds up every reader while it runs, so a call takes
only so many that this stays within what a lookup may take.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redis import Redis

from identity import Identifier
from identity.upkeep import Update
from schemas import overlay
from speed_layer.changes import Teller
from speed_layer.errors import LostView
from speed_layer.quick import Founded, SeenAgain
from speed_layer.view import SpeedView, script

# Updates in one call: some hundred keys, or about a millisecond of Redis.
TOGETHER = 100

# Writes of one key each: about as long.
SINGLE_TOGETHER = 400

Item = TypeVar("Item")


class Committer:
    """Writes to a view what it is given, if what this rests on is still as it was read.

    All methods raise LostView where the epoch is another; then some of it may be done.
    """

    def __init__(self, redis: Redis, generation: int) -> None:
        self._redis = redis
        self._update = script(redis, "commit.lua")
        self._again = script(redis, "again.lua")
        self._found = script(redis, "found.lua")
        self._keys = [overlay.epoch_key(generation), overlay.OUTBOX]
        self._prefix = overlay.view_prefix(generation)

    def commit(
        self, view: SpeedView, epoch: bytes, updates: Sequence[Update], teller: Teller | None
    ) -> list[bool]:
        """Commit updates of a view and what the teller tells of them; says of each whether it is done.

        False means a conflict: nothing of that update is written.
        """

        def arguments(update: Update) -> list[Any]:
            version = view.version(update)
            told = teller.update(update, version) if teller is not None else ()
            return view.changeset(update, version, told)

        replies = self._calls(self._update, epoch, updates, TOGETHER, arguments)
        return [done == 1 for reply in replies for done in reply]

    def commit_again(self, epoch: bytes, nodes: Sequence[SeenAgain]) -> list[Identifier]:
        """Commit nodes that were only seen again; returns those that met a conflict."""
        replies = self._calls(self._again, epoch, nodes, SINGLE_TOGETHER, lambda node: node.write)
        return _conflicts(nodes, replies)

    def commit_found(self, epoch: bytes, nodes: Sequence[Founded], teller: Teller | None) -> list[Identifier]:
        """Commit identifiers that are new and a customer each; returns those that somebody knows by now."""

        def arguments(node: Founded) -> tuple[bytes, ...]:
            told = teller.created(node.identifier, node.customer_id) if teller is not None else b""
            return *node.write, told

        replies = self._calls(self._found, epoch, nodes, SINGLE_TOGETHER, arguments)
        return _conflicts(nodes, replies)

    def _calls(
        self,
        script_: Any,  # noqa: ANN401 - redis types no scripts
        epoch: bytes,
        items: Sequence[Item],
        together: int,
        arguments: Callable[[Item], Sequence[Any]],
    ) -> list[list[int]]:
        if not items:
            return []
        head = [len(self._keys), *self._keys, epoch, self._prefix]

        def send(connection: Any) -> list[Any]:  # noqa: ANN401 - redis types half of it
            # Each as soon as it is made: Redis works on one while we make the next. The first brings the
            # script along, should Redis not know it.
            command = ["EVAL", script_.script, *head]
            starts = range(0, len(items), together)
            for start in starts:
                for item in items[start : start + together]:
                    command += arguments(item)
                connection.send_packed_command(connection.pack_command(*command))
                command = ["EVALSHA", script_.sha, *head]
            return [connection.read_response() for _ in starts]

        replies = _connected(self._redis, send)
        if b"epoch" in replies:
            raise LostView("the view is gone from Redis")
        return replies


def _connected(redis: Redis, send: Callable[[Any], list[Any]]) -> list[Any]:
    """What `send` gives of a connection, tried again as the client's other commands are."""
    connection: Any = redis.connection_pool.get_connection()  # which redis types half
    try:
        replies: list[Any] = connection.retry.call_with_retry(
            lambda: send(connection), lambda _: connection.disconnect()
        )
    except BaseException:
        connection.disconnect()  # replies that nobody took must not be another command's
        raise
    finally:
        redis.connection_pool.release(connection)
    return replies


def _conflicts(nodes: Sequence[SeenAgain | Founded], replies: list[list[int]]) -> list[Identifier]:
    return [
        nodes[call * SINGLE_TOGETHER + number - 1].identifier
        for call, numbers in enumerate(replies)
        for number in numbers
    ]
