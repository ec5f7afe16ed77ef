"""Committing to a view: many updates in one call, each by itself.

A call to Redis costs more than the work it asks for, so updates travel together. They stay independent:
a conflict of one leaves the others done. A script holds up every reader while it runs, so a call takes
only so many that this stays within what a lookup may take.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from redis import Redis

from identity import Identifier, Seen
from identity.upkeep import Update
from schemas import overlay, records
from schemas.again import encode_seen
from speed_layer.changes import Teller
from speed_layer.changeset import Changeset
from speed_layer.connection import connected, replies, send
from speed_layer.errors import LostView
from speed_layer.grouping import Group
from speed_layer.quick import Founded, Quick, SeenAgain
from speed_layer.view import Loaded, SpeedView, script

# Updates in one call: some hundred keys, or about a millisecond of Redis.
TOGETHER = 100

# Writes of one key each: about as long.
SINGLE_TOGETHER = 400

Item = TypeVar("Item")

# The key of a record, the version that was read, and its new value.
Write = tuple[bytes, bytes, bytes]


class Committer:
    """Writes to a view what it is given, if what this rests on is still as it was read.

    All methods raise LostView where the epoch is another; then some of it may be done.
    """

    def __init__(self, redis: Redis, generation: int) -> None:
        self._redis = redis
        self._update = script(redis, "commit.lua")
        self._again = script(redis, "again.lua")
        self._found = script(redis, "found.lua")
        self._widen = script(redis, "widen.lua")
        self._keys = [overlay.epoch_key(generation), overlay.OUTBOX]
        self._prefix = overlay.view_prefix(generation)

    def commit(
        self, view: SpeedView, epoch: bytes, updates: Sequence[Update], teller: Teller | None
    ) -> list[bool]:
        """Commit updates of a view and what the teller tells of them; says of each whether it is done.

        False means a conflict: nothing of that update is written.
        """
        (outcomes,) = self._calls(epoch, self._updates(view, updates, teller))
        return _done(outcomes)

    def commit_quick(
        self, view: SpeedView, epoch: bytes, settled: Quick, teller: Teller | None
    ) -> tuple[list[Identifier | Group], list[Group]]:
        """Commit what the quick way settles, some of it while Redis is at work on the rest already.

        Returns who met a conflict: those that were only seen again, or new, and groups that grew.
        """
        founded, again, grown = self._calls(
            epoch,
            self._foundings(settled.founded, teller),
            _Calls(self._again, settled.again, SINGLE_TOGETHER, lambda node: node.write),
            self._updates(view, settled.updates, teller),
        )
        done = zip(settled.grown, _done(grown), strict=True)
        refused = [group for (group, _), committed in done if not committed]
        return [*_conflicts(settled.founded, founded), *_conflicts(settled.again, again)], refused

    def widen(
        self, view: SpeedView, epoch: bytes, seen: Mapping[Identifier, Seen]
    ) -> Iterator[tuple[Identifier, Loaded]]:
        """Widen the times of nodes where they stand; hands out those that are left as they are.

        That are those that the view does not have, and those of which something is to be decided. Redis is
        told at once.
        """
        nodes = [(x, records.node_key(view.tenant, x)) for x in seen]
        sightings = [(key, encode_seen(seen[x])) for x, key in nodes]
        calls = _Calls(self._widen, sightings, SINGLE_TOGETHER, lambda sighting: sighting)
        found = replies(self._redis, partial(calls.commands, self._head(epoch)))
        return self._left(view, nodes, found)

    def _left(
        self, view: SpeedView, nodes: Sequence[tuple[Identifier, bytes]], found: Iterable[Any]
    ) -> Iterator[tuple[Identifier, Loaded]]:
        for call, reply in enumerate(found):
            if reply == b"epoch":
                raise LostView("the view is gone from Redis")
            left = [nodes[_place(call, number)] for number in reply[::2]]
            loaded = view.found([key for _, key in left], reply[1::2])
            yield from zip([x for x, _ in left], loaded, strict=True)

    def write(self, epoch: bytes, records: Sequence[Write]) -> list[int]:
        """Write records, each by itself; the places of those that met a conflict."""
        calls = _Calls(self._again, records, SINGLE_TOGETHER, lambda record: (1, *record))
        (outcomes,) = self._calls(epoch, calls)
        return _places(outcomes)

    def _foundings(self, nodes: Sequence[Founded], teller: Teller | None) -> "_Calls[Founded]":
        def arguments(node: Founded) -> tuple[bytes, ...]:
            told = teller.created(node.who, node.customer_id) if teller is not None else b""
            return *node.write, told

        return _Calls(self._found, nodes, SINGLE_TOGETHER, arguments)

    def _updates(self, view: SpeedView, updates: Iterable[Update], teller: Teller | None) -> "_Calls[Update]":
        def arguments(update: Update) -> list[Any]:
            changeset = Changeset(view, update)
            return changeset.arguments(teller.update(update, changeset.version) if teller is not None else ())

        return _Calls(self._update, updates, TOGETHER, arguments)

    def _calls(self, epoch: bytes, *all_calls: "_Calls[Any]") -> list[list[list[int]]]:
        """The replies to each of these."""
        head = self._head(epoch)

        def talk(connection: Any) -> list[Any]:  # noqa: ANN401 - redis types half of it
            counts = [0] * len(all_calls)
            for i, calls in enumerate(all_calls):
                # Each as soon as it is made: Redis works on one while we make the next.
                for command in calls.commands(head):
                    send(connection, command)
                    counts[i] += 1
            return [[connection.read_response() for _ in range(count)] for count in counts]

        outcomes = connected(self._redis, talk)
        if any(b"epoch" in some for some in outcomes):
            raise LostView("the view is gone from Redis")
        return outcomes

    def _head(self, epoch: bytes) -> list[Any]:
        """What every call begins with."""
        return [len(self._keys), *self._keys, epoch, self._prefix]


@dataclass(frozen=True)
class _Calls(Generic[Item]):
    """Items that one script takes, so many to a call."""

    script: Any
    items: Iterable[Item]
    together: int
    arguments: Callable[[Item], Sequence[Any]]

    def commands(self, head: list[Any]) -> Iterator[list[Any]]:
        """The calls. The first brings the script along, should Redis not know it."""
        items = iter(self.items)
        first = True
        while some := list(islice(items, self.together)):
            command = ["EVAL", self.script.script, *head] if first else ["EVALSHA", self.script.sha, *head]
            for item in some:
                command += self.arguments(item)
            yield command
            first = False


def _conflicts(nodes: Sequence[SeenAgain | Founded], replies: list[list[int]]) -> list[Identifier | Group]:
    return [nodes[place].who for place in _places(replies)]


def _places(replies: list[list[int]]) -> list[int]:
    """Where those that met a conflict stand among all."""
    return [_place(call, number) for call, numbers in enumerate(replies) for number in numbers]


def _place(call: int, number: int) -> int:
    """Where one stands among all, counted from 0; a reply counts its own from 1."""
    return call * SINGLE_TOGETHER + number - 1


def _done(replies: list[list[int]]) -> list[bool]:
    return [done == 1 for reply in replies for done in reply]
