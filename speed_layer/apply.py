"""Applying facts to the view of one tenant: the quick way first, then what has to be decided."""

import logging
import random
import time
from collections.abc import Callable, Sequence

from redis import Redis

from identity import Facts, Minter, Rules
from identity.upkeep import Update, upkeep
from schemas.generation import Generation
from speed_layer.commit import Committer
from speed_layer.errors import Contention
from speed_layer.quick import quick
from speed_layer.view import SpeedView, ViewState

log = logging.getLogger(__name__)

# Each try means that another worker has made progress, so this is reached by a fault only.
MAX_TRIES = 200

# Turns an update of a view into the changes to tell.
Tell = Callable[[SpeedView, Update], Sequence[bytes]]


def silent(_view: SpeedView, _update: Update) -> Sequence[bytes]:
    """Nobody is to hear of it."""
    return ()


class Applier:
    """Applies facts to the view on a generation."""

    def __init__(self, redis: Redis, generation: Generation, state: ViewState, rules: Rules) -> None:
        self._redis = redis
        self._generation = generation
        self._state = state
        self._rules = rules
        self._committer = Committer(redis, generation.number)

    def apply(self, facts: Facts, minter: Minter, tell: Tell = silent) -> int:
        """Commit what follows from facts; returns how many conflicts were met on the way.

        Raises LostView, and Contention where other workers came first each time.
        """
        rest = self._quick(facts, minter, tell)
        conflicts = 0
        for tried in range(MAX_TRIES):
            if not rest.seen:
                return conflicts
            met = self._decide(rest, minter, tell)
            if not met:
                return conflicts
            conflicts += met
            # Colliding workers must not keep step with each other.
            time.sleep(random.uniform(0, 0.001 * min(tried, 20)))  # noqa: S311 - no secret
        raise Contention(f"an update met a conflict {MAX_TRIES} times")

    def _quick(self, facts: Facts, minter: Minter, tell: Tell) -> Facts:
        """Returns the facts that are left."""
        view = self._view(minter)
        settled = quick(view, facts, self._rules, minter, self._generation.manifest.as_of)
        rest = settled.rest
        updates = [update for _, update in settled.grown]
        done = self._commit(view, updates, tell)
        for (group, _), committed in zip(settled.grown, done, strict=True):
            if not committed:
                group.add_to(rest)
        for i in self._committer.commit_again(self._state.epoch, [write for _, write in settled.again]):
            x, _ = settled.again[i]
            rest.seen[x] = facts.seen[x]
        return rest

    def _decide(self, facts: Facts, minter: Minter, tell: Tell) -> int:
        """Returns the number of conflicts; facts that are committed already change nothing."""
        view = self._view(minter)
        as_of = self._generation.manifest.as_of
        updates = upkeep(view, facts, self._rules, minter=minter, as_of=as_of)
        return self._commit(view, updates, tell).count(False)

    def _view(self, minter: Minter) -> SpeedView:
        return SpeedView(self._redis, self._generation, minter.tenant)

    def _commit(self, view: SpeedView, updates: Sequence[Update], tell: Tell) -> list[bool]:
        return self._committer.commit(
            view, self._state.epoch, ((update, tell(view, update)) for update in updates)
        )
