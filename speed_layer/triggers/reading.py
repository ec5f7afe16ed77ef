"""Messages from Faust's streams, acknowledged when they are done with, in the order of the log.

Faust would acknowledge a message when its agent fails or is cancelled. And it commits past one that is
missing right behind the last commit, so what is acknowledged out of order can be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from speed_layer.triggers.patience import end, patiently
from speed_layer.triggers.steps import Message

# Faust's own types lack what its streams and events can do.
Stream = Any
Event = Any


async def one_by_one(stream: Stream, handle: Callable[[Message], Awaitable[None]]) -> None:
    """Handle each message while it is Faust's event in hand, to whose partition a table's writes go."""
    async for event in stream.noack().events():
        await patiently(partial(handle, _message(event)))
        await stream.ack(event)


async def in_batches(
    stream: Stream, most: int, handle: Callable[[Sequence[Message]], Awaitable[None]]
) -> None:
    """Handle what waits, up to `most` together. Nobody waits for company."""
    waiting: asyncio.Queue[Event] = asyncio.Queue(most)

    async def fill() -> None:
        async for event in stream.noack().events():
            await waiting.put(event)

    async def empty() -> None:
        while True:
            batch = [await waiting.get()]
            while not waiting.empty() and len(batch) < most:
                batch.append(waiting.get_nowait())
            await patiently(partial(handle, [_message(event) for event in batch]))
            for event in batch:
                await stream.ack(event)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fill())
            tasks.create_task(empty())
    except Exception as error:  # noqa: BLE001 - Faust would begin the agent again, past what is in hand
        end(error)


def _message(event: Event) -> Message:
    message = event.message
    millis = round((message.timestamp or 0.0) * 1_000)
    return Message(
        message.topic, message.partition, message.offset, message.key, message.value or b"", millis * 1_000
    )
