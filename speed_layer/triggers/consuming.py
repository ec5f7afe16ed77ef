"""Faust, with a consumer that commits what was handled and nothing else, whatever a rebalance interrupts.

Faust notes how far it has read each partition, takes what is missing before the next message for a hole in
the log, and commits holes. But while it goes back to the committed offsets, as at every rebalance, it also
hands on what it had fetched before; then what lies in between counts as a hole. It is lost, or, where it is
handled as well, stands twice among what may be committed, and commits crawl.

Here what may be committed follows from what was handed on:

1. Nothing is fetched while positions move. What was fetched before is not handed on after: it comes again.
2. What is handed on from then on is noted, in the order of the log. Nothing before it counts.
3. What may be committed ends before the first of these that is not done.

So a hole in the log, as compaction or a transaction leaves it, is passed over with the message behind it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka
from faust.types import TP, Message
from mode.utils.futures import notify


class _Nowhere(dict[TP, int | None]):
    """How far each partition was read, of which nothing is to be concluded: it stays empty."""

    def __missing__(self, key: TP) -> None:
        return None

    def __setitem__(self, key: TP, value: int | None) -> None:
        pass

    def update(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - a dict's
        pass


class Consumer(aiokafka.Consumer):
    """Faust's, of which these methods are other ones. Belongs to one event loop."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - Faust's
        super().__init__(*args, **named)
        self._read_offset = _Nowhere()
        self._handed: defaultdict[TP, deque[Message]] = defaultdict(deque)
        self._moving = asyncio.Lock()
        self._moves = 0
        self._fetched_after = 0  # so many moves

    async def perform_seek(self) -> None:
        """Go back to the committed offsets."""
        async with self._moving:
            self._moves += 1
            self._handed.clear()
            await super().perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """The same; where nothing was committed yet, to the beginning, which Faust leaves out."""
        offsets: Mapping[TP, int] = await super().seek_to_committed()
        first = [at for at, offset in offsets.items() if not offset and not self._is_changelog_tp(at)]
        if first:
            await self._thread.seek_to_beginning(*first)
        return offsets

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets of changelogs."""
        async with self._moving:
            self._moves += 1
            await super().seek_wait(partitions)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed on of these: whoever has them next begins at the committed offsets."""
        self._moves += 1
        for partition in revoked:
            self._handed.pop(partition, None)
        await super().on_partitions_revoked(revoked)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's
        """Hand on what comes within `timeout` seconds."""
        async for partition, message in super().getmany(timeout):
            if self._fetched_after != self._moves:
                return
            if self.app.topics.acks_enabled_for(message.topic):
                self._handed[partition].append(message)
            yield partition, message

    def ack(self, message: Message) -> bool:
        """Note that a message is done; returns whether that is news."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def _getmany(self, *asked: Any, **named: Any) -> Any:  # noqa: ANN401 - Faust's
        async with self._moving:
            self._fetched_after = self._moves
            return await super()._getmany(*asked, **named)

    def _filter_tps_with_pending_acks(self, topics: Iterable[TP | str] | None = None) -> Iterator[TP]:
        asked = None if topics is None else {*topics}
        return (tp for tp in self._handed if asked is None or tp in asked or tp.topic in asked)

    def _new_offset(self, tp: TP) -> int | None:
        handed, offset = self._handed[tp], None
        while handed and handed[0].acked:
            offset = handed.popleft().offset + 1
        return offset


class Transport(aiokafka.Transport):
    """Brings that consumer."""

    Consumer = Consumer


class App(faust.App):
    """Reads through it."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)
