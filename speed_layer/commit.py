"""Committing updates: many in one call, each by itself.

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
from speed_layer.view import SpeedView, script

# Updates in one call: some hundred keys, or about a millisecond of Redis.
TOGETHER = 100


class Committer:
    """Writes updates of a view, if what they rest on is still as it was read."""

    def __init__(self, redis: Redis, generation: int) -> None:
        self._redis = redis
        self._script = script(redis, "commit.lua")
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
            arguments: list[Any] = [epoch, self._prefix, overlay.ROOT]
            for update, changes in some:
                arguments += view.changeset(update, changes)
            self._script(keys=self._keys, args=arguments, client=pipeline)
        outcomes: list[bool] = []
        for reply in pipeline.execute():
            if reply == b"epoch":
                raise LostView("the view is gone from Redis")
            outcomes += [done == 1 for done in reply]
        return outcomes
