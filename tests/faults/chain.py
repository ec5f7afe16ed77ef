"""Generations one after the other, as batch runs would publish them, without Spark."""

from collections import Counter

from identity import Minter, resolve, rulefile
from identity.memory import MemoryView
from identity.name import NOTHING_PUBLISHED
from schemas.absorb import LOG
from tests.faults import account
from tests.graph.published import entries, publish


class Chain:
    """Each generation knows all that the log holds when it is made, and names by those before it."""

    def __init__(self, ground):
        self._ground = ground
        self._rules = rulefile.parse(ground.rules)
        self._minter = Minter(ground.settings.id_key, ground.settings.tenant)
        self._view = MemoryView(self._rules, self._minter)
        self._published = NOTHING_PUBLISHED
        self.number = 0

    def publish(self):
        """The next one; returns its number."""
        self.number += 1
        log = list(account.read(self._ground.settings, LOG))
        facts = account.said(self._rules, log, self._minter.tenant).facts
        self._view.apply(facts)
        resolution = resolve(facts, self._rules, minter=self._minter, published=self._published)
        assert self._view.all_customers == sorted(resolution.customers)
        self._published = resolution.publish(self._published)
        self._view.publish(self._published)
        reached = Counter((kept.topic, kept.partition) for kept in log)
        publish(
            self._ground.settings.generations,
            entries(self._view, self._minter.tenant),
            self.number,
            rules=self._ground.rules,
            fingerprint=self._rules.fingerprint,
            offsets={
                topic: {i: reached[topic, i] for i in range(account.PARTITIONS[topic])} for topic in LOG
            },
        )
        return self.number
