"""The script that every lookup runs, over connections of its own: packed in C, without a pool in between.

A call by the client takes longer than all that it is for; what it does besides, taking a connection from a
pool and packing arguments one by one, is done once, or by hiredis, here. Connecting, TLS, users, timeouts and
reading replies stay the client's.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import NoScriptError

from serving_layer.reading import SCRIPT

_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()


class Wire:
    """Connections that are idle; as many as calls were under way at once."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._idle: list[Connection] = []

    async def call(self, keys: Sequence[bytes], arguments: Sequence[Any]) -> Sequence[Any]:
        """The script's reply. Raises RedisError; a connection that broke while idle is replaced first."""
        rest = (len(keys), *keys, *arguments)
        was_idle = bool(self._idle)
        connection = self._idle.pop() if was_idle else self._made()
        try:
            try:
                reply = await self._on(connection, rest)
            except Broken:
                if not was_idle:
                    raise
                await connection.disconnect()
                reply = await self._on(connection, rest)
        except BaseException:
            # Whatever it was, nobody knows what the next reply would belong to.
            await connection.disconnect()
            raise
        self._idle.append(connection)
        return cast("Sequence[Any]", reply)

    async def close(self) -> None:
        """End all connections."""
        while self._idle:
            await self._idle.pop().disconnect()

    def _made(self) -> Connection:
        return cast("Connection", self._pool.make_connection())  # type: ignore[no-untyped-call]

    async def _on(self, connection: Connection, rest: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a reply
        if not connection.is_connected:
            await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_packed_command(hiredis.pack_command((b"EVALSHA", _SHA, *rest)), False)
        try:
            return await connection.read_response()
        except NoScriptError:
            await connection.send_packed_command(hiredis.pack_command((b"EVAL", SCRIPT, *rest)), False)
            return await connection.read_response()
