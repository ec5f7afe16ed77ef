"""The side lane: what bears on many identifiers, worked off beside the stream.

To resolve these takes as long as they are many, whatever little was said of them; so all that waits is taken
together, once for each time round. It runs as a process of its own, which takes no time from the worker's,
and ends when nothing waits. The commit is the worker's: a collision with one is noticed and tried again.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

from confluent_kafka import Consumer, KafkaException
from redis import Redis
from redis.exceptions import RedisError

from identity import Facts, Minter, rulefile
from identity.tombstones import Tombstones
from schemas import overlay
from schemas.generation import open_generation, wanted
from schemas.ledger import Ledger, by_tenant
from speed_layer.apply import Applier
from speed_layer.aside import Aside, Entry
from speed_layer.changes import Teller
from speed_layer.erasures import ErasureLog
from speed_layer.errors import LostView
from speed_layer.view import ViewState

log = logging.getLogger(__name__)

# Entries that are taken together.
MOST = 500

# So long nothing must have waited for the process to end; starting one takes a second.
IDLE_S = 5.0

# How often it looks whether something waits.
EVERY_S = 0.1

# The longest that another process stays away after this one was killed.
LEASE_MS = 60_000


class SideLane:
    """Works off what waits beside the views."""

    def __init__(
        self,
        redis: Redis,
        generations: Path,
        id_key: bytes,
        erasures: Callable[[], Consumer] | None = None,
    ) -> None:
        """`erasures` makes a consumer for the topic of erasures; without it there are none."""
        self._ledger = Ledger(id_key)
        self._consumer = erasures
        self._erasures: ErasureLog | None = None
        self._redis = redis
        self._generations = generations
        self._id_key = id_key
        self._name = uuid.uuid4().hex.encode()

    def run(self, stop: Event) -> None:
        """Work until nothing has waited for a while, or `stop` is set; at once where another one works."""
        try:
            self._run(stop)
        except (RedisError, KafkaException) as error:
            log.warning("the side lane ends, until a worker starts it again: %s", error)
        finally:
            if self._erasures is not None:
                self._erasures.close()

    def _run(self, stop: Event) -> None:
        if not self._redis.set(overlay.LEASE, self._name, nx=True, px=LEASE_MS):
            return
        idle = 0.0
        while idle < IDLE_S and not stop.is_set() and self._is_ours():
            if self.step():
                idle = 0.0
            else:
                idle += EVERY_S
                stop.wait(EVERY_S)
        if self._is_ours():
            self._redis.delete(overlay.LEASE)

    def _is_ours(self) -> bool:
        if self._redis.get(overlay.LEASE) != self._name:
            return False
        return bool(self._redis.pexpire(overlay.LEASE, LEASE_MS))

    def step(self) -> int:
        """Apply what waits beside each view; returns how many entries."""
        live = self._redis.get(overlay.LIVE)
        views = {wanted(self._generations), int(live) if isinstance(live, bytes) else None}
        return sum(self._drain(number) for number in views if number is not None)

    def _drain(self, number: int) -> int:
        aside = Aside(self._redis, number)
        entries = aside.take(MOST)
        if entries:
            generation = open_generation(self._generations, number)
            rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
            state = ViewState(self._redis, generation)
            applier = Applier(self._redis, generation, state, rules, patient=True)
            try:
                self._hear()
                for tenant, tell, some in _together(entries):
                    applier.apply(*self._said(tenant, number, some, tell=tell))
                # What a worker has just erased we may have brought back; it was in the log before.
                self._hear()
                for tenant, erased in by_tenant(list(self._ledger.requests.values())).items():
                    tell = any(entry.deferred.tell for entry in entries)
                    teller = Teller(tenant, number, max(erased.values()), lambda _: None) if tell else None
                    applier.erase(erased, Minter(self._id_key, tenant), teller)
                aside.settle(state.epoch, entries)
            except LostView as error:
                log.warning("%s", error)  # it is told again from the log
        return len(entries)

    def _hear(self) -> None:
        """Read the topic of erasures to its end."""
        if self._consumer is not None:
            if self._erasures is None:
                self._erasures = ErasureLog(self._consumer(), self._ledger)
            self._erasures.read(level=True)

    def _said(
        self, tenant: str, generation: int, entries: list[Entry], *, tell: bool
    ) -> tuple[Facts, Minter, Teller | None]:
        facts = Facts()
        for entry in entries:
            entry.deferred.add_to(facts)
        _without(facts, self._ledger.of(tenant))
        where = max((entry.deferred.where for entry in entries if entry.deferred.where), default=None)
        at = max(entry.deferred.at for entry in entries)
        teller = Teller(tenant, generation, at, lambda _: where) if tell else None
        return facts, Minter(self._id_key, tenant), teller


def _without(facts: Facts, tombstones: Tombstones) -> None:
    """Take out who was erased since; nothing here is of a time both before and after it."""
    if tombstones:
        gone = {x for x, seen in facts.seen.items() if tombstones.erases(x, seen.first_ingested)}
        for x in gone:
            del facts.seen[x]
            facts.signs.pop(x, None)
        for ends in [ends for ends in facts.links if not gone.isdisjoint(ends)]:
            del facts.links[ends]


def _together(entries: list[Entry]) -> Iterator[tuple[str, bool, list[Entry]]]:
    groups: dict[tuple[str, bool], list[Any]] = {}
    for entry in entries:
        groups.setdefault((entry.deferred.tenant, entry.deferred.tell), []).append(entry)
    for (tenant, tell), some in groups.items():
        yield tenant, tell, some
