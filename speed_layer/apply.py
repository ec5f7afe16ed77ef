"""Applying facts to the view of one tenant: the quick way first, then what has to be decided."""

import logging
from collections.abc import Container, Iterable, Mapping
from functools import partial

from redis import Redis

from identity import Facts, Identifier, Minter, Rules
from identity.upkeep import Update, erase, upkeep
from schemas.generation import Generation
from speed_layer.aside import Aside, deferred
from speed_layer.changes import Teller
from speed_layer.commit import Committer
from speed_layer.contention import attempts
from speed_layer.forget import forget_ids
from speed_layer.grouping import Part, sliced
from speed_layer.metrics import Metrics
from speed_layer.quick import leave, quick
from speed_layer.view import SpeedView, ViewState

log = logging.getLogger(__name__)

# What has met so many conflicts on the quick way is decided upon.
QUICK_TRIES = 3

# So many identifiers are read, settled and written before the next: of all at once, another worker would have
# met one of twenty meanwhile. Fewer are waited for more often.
SLICE = 8_000


class Applier:
    """Applies facts to the view on a generation."""

    def __init__(
        self,
        redis: Redis,
        generation: Generation,
        state: ViewState,
        rules: Rules,
        metrics: Metrics | None = None,
        *,
        patient: bool = False,
    ) -> None:
        """Who is not `patient` puts aside what bears on too many identifiers."""
        self._patient = patient
        self._aside = Aside(redis, generation.number)
        self._metrics = metrics or Metrics()
        self._redis = redis
        self._generation = generation
        self._state = state
        self._rules = rules
        self._committer = Committer(redis, generation.number)

    def apply(self, facts: Facts, minter: Minter, teller: Teller | None = None) -> int:
        """Commit what follows from facts; returns how many conflicts were met on the way.

        Without a teller nobody hears of it. Raises LostView, and Contention where other workers came
        first each time.
        """
        conflicts = 0
        for tried, _ in enumerate(attempts("an update")):
            rest, lost, met = facts, Facts(), 0
            if tried < QUICK_TRIES:
                rest = Facts()
                for part in sliced(facts, SLICE):
                    left, missed, refused, more = self._quick(part, minter, teller)
                    rest.update(left)
                    lost.update(missed)
                    # Mostly another worker's doing. Or a name was another customer's, who is gone.
                    (rest if tried else lost).update(refused)
                    met += more
            if rest.seen:
                missed, more = self._decide(rest, minter, teller)
                lost.update(missed)
                met += more
            if met:
                conflicts += met
                self._metrics.conflicts(met)
            if not lost.seen:
                break
            facts = lost
        return conflicts

    def erase(self, erased: Mapping[Identifier, int], minter: Minter, teller: Teller | None = None) -> None:
        """Take identifiers out of the view, each if it was first taken in up to the moment given.

        However much it bears on: nobody is to wait for the side lane to be forgotten. Raises as `apply` does.
        """
        for _ in attempts("an erasure"):
            view = self._view(minter)
            as_of = self._generation.manifest.as_of
            try:
                updates = erase(view, erased, self._rules, minter=minter, as_of=as_of)
            except (KeyError, AssertionError):
                if not view.has_moved():
                    raise
                met = 1
            else:
                done = self._committer.commit(view, self._state.epoch, updates, teller)
                met = done.count(False)
                gone = [x for update in updates for x, node in update.nodes.items() if node is None]
                if gone:
                    forget_ids(self._redis, minter.tenant, gone)
            if not met:
                return
            self._metrics.conflicts(met)

    def _quick(self, part: Part, minter: Minter, teller: Teller | None) -> tuple[Facts, Facts, Facts, int]:
        """Returns the facts that must be decided upon, and those that met a conflict, and how many did.

        Those are apart: what was only seen again, or new; and what grew.
        """
        view, epoch = self._view(minter), self._state.epoch
        widen = partial(self._committer.widen, view, epoch)
        settled = quick(view, part, widen, self._rules, minter, self._generation.manifest.as_of)
        conflicts, refused = self._committer.commit_quick(view, epoch, settled, teller)
        lost, grown = Facts(), Facts()
        for who in conflicts:
            leave(who, part.facts, lost)
        for group in refused:
            group.add_to(grown)
        if teller is not None:
            self._metrics.customers([1] * len(settled.founded))
            self._written(update for _, update in settled.grown)
        return settled.rest, lost, grown, len(conflicts) + len(refused)

    def _decide(self, facts: Facts, minter: Minter, teller: Teller | None) -> tuple[Facts, int]:
        """Returns the facts that met a conflict, and how many updates did.

        Those that were put aside wait elsewhere.
        """
        view = self._view(minter)
        as_of = self._generation.manifest.as_of
        postponed = None if self._patient else Facts()
        try:
            updates = upkeep(view, facts, self._rules, minter=minter, as_of=as_of, postponed=postponed)
        except (KeyError, AssertionError):
            # Another worker may have written between two of our reads, so that they do not fit together.
            if not view.has_moved():
                raise
            return facts, 1
        done = self._committer.commit(view, self._state.epoch, updates, teller)
        if teller is not None:
            self._written(update for update, committed in zip(updates, done, strict=True) if committed)
        if postponed is not None and postponed.seen:
            self._put_aside(postponed, minter, teller)
        missed = {
            x for update, is_done in zip(updates, done, strict=True) if not is_done for x in update.read_nodes
        }
        return _of(facts, missed), done.count(False)

    def _put_aside(self, facts: Facts, minter: Minter, teller: Teller | None) -> None:
        at, where = (teller.at, teller.where(list(facts.seen))) if teller is not None else (0, None)
        for some in deferred(minter.tenant, facts, at, where, tell=teller is not None):
            self._aside.put(self._state.epoch, some)

    def _written(self, updates: Iterable[Update]) -> None:
        sizes: list[int] = []
        hot: list[str] = []
        for update in updates:
            sizes += [len(customer.members) for customer in update.after]
            faults = ((x, node.fault) for x, node in update.nodes.items() if node is not None)
            hot += [x.type for x, fault in faults if fault and fault.startswith("hot")]
        self._metrics.customers(sizes)
        self._metrics.hot(hot)

    def _view(self, minter: Minter) -> SpeedView:
        return SpeedView(self._redis, self._generation, minter.tenant)


def _of(facts: Facts, some: Container[Identifier]) -> Facts:
    """What is said of these; a link from one of them to another, which says nothing new, is left out."""
    return Facts(
        {x: seen for x, seen in facts.seen.items() if x in some},
        {ends: link for ends, link in facts.links.items() if ends[0] in some and ends[1] in some},
        signs={x: signs for x, signs in facts.signs.items() if x in some},
    )
