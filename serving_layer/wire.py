"""The script that every lookup runs, over connections of its own: no pool, no streams, no task.

A call by the client takes longer than all that it is for; what it does besides, taking a connection from a
pool, packing arguments one by one, waiting in a task for the reply, is done once, by hiredis, or not at all.
Connecting, TLS, users and timeouts stay the client's: a connection that it has made is taken over here.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import hiredis
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooLate

from serving_layer.reading import SCRIPT

_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()

Replied = Callable[[Sequence[Any] | RedisError], None]
"""Takes the script's reply, or why there is none."""


class Wire:
    """As many connections as calls were under way at once. Belongs to one event loop."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._lines: set[_Line] = set()
        self._idle: list[_Line] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def call(self, keys: Sequence[bytes], arguments: Sequence[Any], replied: Replied) -> None:
        """Have `replied` called once; a connection that broke while idle is replaced first."""
        rest = (len(keys), *keys, *arguments)
        while self._idle:
            line = self._idle.pop()
            if not line.is_closing:
                self._ask(line, rest, replied, was_idle=True)
                return
            self._lines.discard(line)
        self._open(rest, replied)

    def close(self) -> None:
        """End all connections, for good; who waits is told of it, if the loop goes on."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        for line in self._lines:
            line.close()

    def _open(self, rest: tuple[Any, ...], replied: Replied) -> None:
        task = asyncio.get_running_loop().create_task(self._call(rest, replied))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _call(self, rest: tuple[Any, ...], replied: Replied) -> None:
        """On a new connection."""
        connection = cast("Connection", self._pool.make_connection())  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - nobody waits for this task: whoever asked is told
            replied(error if isinstance(error, RedisError) else Broken(str(error)))
            return
        self._ask(_Line(connection), rest, replied, was_idle=False)

    def _ask(self, line: "_Line", rest: tuple[Any, ...], replied: Replied, *, was_idle: bool) -> None:
        def done(reply: Sequence[Any] | RedisError) -> None:
            if not line.is_closing:
                self._idle.append(line)
            else:
                self._lines.discard(line)
            if was_idle and isinstance(reply, Broken) and not self._closed:
                self._open(rest, replied)
            else:
                replied(reply)

        self._lines.add(line)
        line.ask(rest, done)


class _Line(asyncio.Protocol):
    """One connection, on which one call at a time is under way."""

    def __init__(self, connection: Connection) -> None:
        writer = connection._writer  # noqa: SLF001 - the client gives no other way to a connection that it made
        assert writer is not None, "it is connected"
        connection._reader = connection._writer = None  # noqa: SLF001 - it is ours from now on
        self._writer = writer  # who drops it closes the transport
        self._timeout = connection.socket_timeout
        self._replies = hiredis.Reader(replyError=ResponseError)
        self._rest: tuple[Any, ...] = ()
        self._replied: Replied | None = None
        self._deadline: asyncio.TimerHandle | None = None
        writer.transport.set_protocol(self)

    @property
    def is_closing(self) -> bool:
        """Whether it is of no more use."""
        return self._writer.transport.is_closing()

    def ask(self, rest: tuple[Any, ...], replied: Replied) -> None:
        """Run the script; `replied` is called once."""
        self._rest, self._replied = rest, replied
        if self._timeout is not None:
            self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._late)
        self._send(b"EVALSHA", _SHA)

    def close(self) -> None:
        """End it."""
        self._writer.transport.abort()

    def data_received(self, data: bytes) -> None:
        """A reply, or a part of one."""
        self._replies.feed(data)
        try:
            while (reply := self._replies.gets()) is not False:
                self._read(reply)
        except hiredis.ProtocolError as error:
            self._end(InvalidResponse(str(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Redis went away; nobody knows how far it came."""
        self._end(Broken(str(exc) if exc is not None else "the connection was closed"))

    def _read(self, reply: Any) -> None:  # noqa: ANN401 - a reply
        if isinstance(reply, ResponseError):
            if str(reply).startswith("NOSCRIPT"):
                self._send(b"EVAL", SCRIPT)
                return
        elif isinstance(reply, hiredis.PushNotification):
            return  # of the server's own accord
        self._tell(reply)

    def _send(self, command: bytes, script: bytes | str) -> None:
        self._writer.transport.write(hiredis.pack_command((command, script, *self._rest)))

    def _late(self) -> None:
        self._end(TooLate(f"no reply within {self._timeout} s"))

    def _end(self, error: RedisError) -> None:
        """What would come now, nobody knows what it belongs to."""
        self.close()
        self._tell(error)

    def _tell(self, reply: Sequence[Any] | RedisError) -> None:
        replied, self._replied, self._rest = self._replied, None, ()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if replied is not None:
            replied(reply)
