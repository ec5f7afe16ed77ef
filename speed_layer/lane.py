"""A lane: the log from a view's offsets on, and the view that it is applied to.

One batch, step by step; a crash between any two of them repeats, and never loses:

1. Take messages from Kafka, from the offsets that the view itself holds.
2. Decode and absorb them into facts; what is refused becomes dead letters.
3. Resolve what the facts touch, and commit each independent update atomically. A conflict with another
   worker means reading and resolving again: facts merge, so those committed already change nothing.
4. Send the dead letters and wait until the broker has them.
5. Advance the view's offsets. Kafka's own are committed too, but only for people who watch the lag:
   the view holds its offsets beside its data, so that the two can only be lost together.
"""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer
from redis import Redis

from identity import Facts, Identifier, Minter, Observer, rulefile
from identity.upkeep import Update, upkeep
from schemas import Cause, DeadLetter, Malformed, encode
from schemas.absorb import Absorbed, absorb, accept
from schemas.events import Decision
from schemas.generation import Generation
from speed_layer.changes import changes
from speed_layer.commit import Committer
from speed_layer.errors import Contention
from speed_layer.log import Entry, LogReader, next_offsets
from speed_layer.outbox import Outbox
from speed_layer.view import SpeedView, ViewState

log = logging.getLogger(__name__)

# Large enough to share round trips, small enough that one script does not keep lookups waiting.
BATCH = 5_000

# Each try means that another worker has made progress, so this is reached by a fault only.
MAX_TRIES = 200


@dataclass
class _Tenant:
    """What a batch says of one tenant, and which message said it of an identifier last."""

    facts: Facts = field(default_factory=Facts)
    causes: dict[Identifier, Cause] = field(default_factory=dict)


class Lane:
    """Keeps the view on one generation current."""

    def __init__(
        self, redis: Redis, generation: Generation, consumer: Consumer, outbox: Outbox, id_key: bytes
    ) -> None:
        self.generation = generation
        self.state = ViewState(redis, generation)
        self._redis = redis
        self._outbox = outbox
        self._id_key = id_key
        self._rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
        self._observer = Observer(self._rules)
        self._committer = Committer(redis, generation.number)
        self._log = LogReader(consumer, self.state)

    def step(self, timeout: float, before: Mapping[bytes, int] | None = None) -> int:
        """Apply what arrives within `timeout` seconds; returns the number of messages.

        With `before`, only messages below these offsets, and without telling the world: this view is
        being built behind one that has told it. Raises LostView, Contention, and what Kafka and Redis
        raise.
        """
        entries = self._log.read(BATCH, timeout, before)
        if not entries:
            return 0
        tenants, refused = self._absorb(entries)
        through = max(entry.ingested_at for entry in entries)
        for tenant, said in tenants.items():
            self._apply(tenant, said, through, tell=before is None)
        if before is None:
            self._outbox.send_dead_letters(refused)
        self.state.advance(next_offsets(entries), through)
        self._log.note()
        return len(entries)

    def close(self) -> None:
        """Leave the consumer group."""
        self._log.close()

    def _absorb(self, entries: Sequence[Entry]) -> tuple[dict[str, _Tenant], list[DeadLetter]]:
        tenants: defaultdict[str, _Tenant] = defaultdict(_Tenant)
        refused = []
        for entry in entries:
            try:
                record = accept(entry.topic, entry.value, entry.ingested_at)
                said = tenants[record.tenant]
                about = absorb(record, self._observer, said.facts, entry.ingested_at)
            except Malformed as error:
                refused.append(_dead_letter(entry, str(error)))
                continue
            said.causes.update(dict.fromkeys(about, _cause(entry, record)))
        return tenants, refused

    def _apply(self, tenant: str, said: _Tenant, at: int, *, tell: bool) -> None:
        minter = Minter(self._id_key, tenant)
        for tried in range(MAX_TRIES):
            view = SpeedView(self._redis, self.generation, tenant)
            as_of = self.generation.manifest.as_of
            updates = upkeep(view, said.facts, self._rules, minter=minter, as_of=as_of)
            if not updates:
                return
            told = [self._changes(view, update, tenant, said, at) if tell else [] for update in updates]
            done = self._committer.commit(view, self.state.epoch, zip(updates, told, strict=True))
            conflicts = done.count(False)
            if not conflicts:
                return
            log.info("%d of %d updates met a conflict, try %d", conflicts, len(updates), tried + 1)
            # Colliding workers must not keep step with each other.
            time.sleep(random.uniform(0, 0.001 * min(tried, 20)))  # noqa: S311 - no secret
        raise Contention(f"an update met a conflict {MAX_TRIES} times")

    def _changes(self, view: SpeedView, update: Update, tenant: str, said: _Tenant, at: int) -> list[bytes]:
        known = [said.causes[x] for x in update.nodes if x in said.causes]
        told = changes(
            update,
            tenant=tenant,
            cause=max(known, key=lambda cause: (cause.topic, cause.partition, cause.offset), default=None),
            at=at,
            version=view.version(update),
            generation=self.generation.number,
        )
        return [encode(change) for change in told]


def _cause(entry: Entry, record: Absorbed) -> Cause:
    event_id = record.decision_id if isinstance(record, Decision) else record.event_id
    return Cause(topic=entry.topic, partition=entry.partition, offset=entry.offset, event_id=event_id)


def _dead_letter(entry: Entry, reason: str) -> DeadLetter:
    return DeadLetter(
        topic=entry.topic,
        partition=entry.partition,
        offset=entry.offset,
        ingested_at=entry.ingested_at,
        value=entry.value or b"",
        key=entry.key,
        reason=reason,
    )
