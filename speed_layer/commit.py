"""Committing to a view: many updates in one call, each by itself.

A call to Redis costs more than the work it asks for, so updates travel together. They stay independent:
a conflict of one leaves the others done. A script holds up every reader while it runs, so a call takes
only so many that this stays within what a lookup may take.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from redis import Redis

from identity.upkeep import Update
from schemas import overlay
from speed_layer.errors import LostView
from speed_layer.view import Again, SpeedView, script

# Updates in one call: some hundred keys, or about a millisecond of Redis.
TOGETHER = 100

# Nodes seen again in one call: about as long.
AGAIN_TOGETHER = 500


class Committer:
    """Writes to a view what it is given, if what this rests on is still as it was read."""

    def __init__(self, redis: Redis, generation: int) -> None:
        self._redis = redis
        self._script = script(redis, "commit.lua")
        self._again = script(redis, "again.lua")
        self._keys = [overlay.epoch_key(generation), overlay.OUTBOX]
        self._prefix = overlay.view_prefix(generation)

    def commit(
        self, view: SpeedView, epoch: bytes, updates: Iterable[tuple[Update, Sequence[bytes]]]
    ) -> list[bool]:
        """Commit updates of a view, each with the changes to tell; says of each whether it is done.

        False means a conflict: nothing of that update is written. Raises LostView where the epoch is
        another; then some of the updates may be done.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pending = iter(updates)
        while some := list(islice(pending, TOGETHER)):
            arguments: list[Any] = [epoch, self._prefix]
            for update, changes in some:
                arguments += view.changeset(update, changes)
            self._script(keys=self._keys, args=arguments, client=pipeline)
        outcomes: list[bool] = []
        for reply in pipeline.execute():
            outcomes += [done == 1 for done in _found(reply)]
        return outcomes

    def commit_again(self, epoch: bytes, writes: Sequence[Again]) -> list[int]:
        """Commit nodes that were only seen again; returns the indices of those that met a conflict."""
        pipeline = self._redis.pipeline(transaction=False)
        starts = range(0, len(writes), AGAIN_TOGETHER)
        for start in starts:
            arguments: list[Any] = [epoch, self._prefix]
            for write in writes[start : start + AGAIN_TOGETHER]:
                arguments += write
            self._again(keys=self._keys[:1], args=arguments, client=pipeline)
        replies = pipeline.execute() if writes else []
        return [start + i - 1 for start, reply in zip(starts, replies, strict=True) for i in _found(reply)]


def _found(reply: Any) -> list[int]:  # noqa: ANN401 - redis types no replies
    if reply == b"epoch":
        raise LostView("the view is gone from Redis")
    result: list[int] = reply
    return result
