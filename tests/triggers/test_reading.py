"""Messages are acknowledged when they are done with, in order; what is away is waited for."""

import asyncio
from types import SimpleNamespace

import pytest

from schemas import Unavailable
from speed_layer.triggers import patience
from speed_layer.triggers.patience import patiently
from speed_layer.triggers.reading import in_batches, one_by_one


class Stream:
    """What Faust's streams do, over messages that come in a few steps."""

    def __init__(self, *steps):
        self.steps = steps
        self.acknowledged = []
        self.done = asyncio.Event()

    def noack(self):
        return self

    async def events(self):
        offset = 0
        for count in self.steps:
            for _ in range(count):
                message = SimpleNamespace(
                    topic="t", partition=0, offset=offset, key=None, value=b"v", timestamp=1.5
                )
                yield SimpleNamespace(message=message)
                offset += 1
            await asyncio.sleep(0)
        await self.done.wait()

    async def ack(self, event):
        self.acknowledged.append(event.message.offset)
        if len(self.acknowledged) == sum(self.steps):
            self.done.set()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "BACKOFF_S", (0.0, 0.0))


@pytest.fixture
def ended(monkeypatch):
    """The process ends by an exception that nothing catches."""

    def leave(code):
        raise KeyboardInterrupt(code)

    monkeypatch.setattr(patience.os, "_exit", leave)
    monkeypatch.setattr(patience.logging, "shutdown", lambda: None)


def read(stream, handle, most=3):
    async def run():
        task = asyncio.create_task(in_batches(stream, most, handle))
        await stream.done.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_what_waits_is_handled_together_and_acknowledged_after():
    stream, seen = Stream(1, 7, 2), []

    async def handle(messages):
        await asyncio.sleep(0)
        seen.append([message.offset for message in messages])
        assert stream.acknowledged == [offset for batch in seen[:-1] for offset in batch]
        assert {message.ingested_at for message in messages} == {1_500_000}

    read(stream, handle)
    assert [offset for batch in seen for offset in batch] == stream.acknowledged == list(range(10))
    assert max(map(len, seen)) == 3


def test_what_fails_for_now_is_tried_again_before_anything_behind_it():
    stream, seen = Stream(2), []

    async def handle(messages):
        seen.append([message.offset for message in messages])
        if len(seen) < 4:
            assert stream.acknowledged == []
            raise Unavailable("away")

    read(stream, handle, most=1)
    assert seen == [[0]] * 4 + [[1]]


@pytest.mark.usefixtures("ended")
def test_what_fails_for_good_is_not_acknowledged_and_ends_the_process(caplog):
    stream = Stream(2)

    async def handle(_):
        raise ValueError("a value that is nobody's business")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(one_by_one(stream, handle))
    assert stream.acknowledged == []
    assert "ended by an error that nobody expected" in caplog.text


def test_one_by_one():
    stream, seen = Stream(1, 2), []

    async def handle(message):
        assert stream.acknowledged == seen
        seen.append(message.offset)

    asyncio.run(one_by_one(stream, handle))
    assert seen == stream.acknowledged == [0, 1, 2]


def test_patience_gives_the_result():
    answers = [OSError("x"), Unavailable("y"), 7]

    async def work():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert asyncio.run(patiently(work)) == 7
