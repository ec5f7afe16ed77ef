"""What a worker does to Redis, without Kafka."""

from identity.upkeep import upkeep
from speed_layer.apply import Applier
from speed_layer.commit import Committer
from speed_layer.errors import LostView
from speed_layer.view import SpeedView, ViewState


class Says:
    """Tells the same of every update."""

    def __init__(self, changes):
        self._changes = changes

    def update(self, _update, _version):
        return self._changes


class Stream:
    """Applies facts to the view of one tenant, as speed_layer.lane does."""

    def __init__(self, redis, generation, rules, minter, as_of=None, *, patient=True):
        self.state = ViewState(redis, generation)
        self._redis = redis
        self._generation = generation
        self._rules = rules
        self._minter = minter
        self._as_of = as_of
        self._committer = Committer(redis, generation.number)
        self._applier = Applier(redis, generation, self.state, rules, patient=patient)

    def view(self):
        return SpeedView(self._redis, self._generation, self._minter.tenant)

    def resolve(self, facts):
        """A view, and the updates that follow from what it holds at this moment."""
        view = self.view()
        return view, upkeep(view, facts, self._rules, minter=self._minter, as_of=self._as_of)

    def commit(self, view, updates, changes=(), epoch=None):
        """What Redis says to each update."""
        try:
            done = self._committer.commit(view, epoch or self.state.epoch, updates, Says(changes))
        except LostView:
            return ["epoch"] * len(updates)
        return ["ok" if committed else "conflict" for committed in done]

    def apply(self, facts):
        """Commit what follows from facts, as a lane does."""
        return self._applier.apply(facts, self._minter)
