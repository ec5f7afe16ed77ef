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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message
from redis import Redis

from identity import Facts, Identifier, Minter, Observer, rulefile
from identity.upkeep import Update
from schemas import Cause, DeadLetter, Malformed, overlay
from schemas.absorb import Absorbed, absorb, accept
from schemas.events import Decision
from schemas.generation import Generation
from speed_layer.apply import Applier, silent
from speed_layer.changes import changes
from speed_layer.log import LogReader, place
from speed_layer.outbox import Outbox, packed
from speed_layer.view import SpeedView, ViewState

# What waits is taken together: the more there is, the more of it says the same. Beyond this, the time until
# the first of them is visible grows, and little is gained.
BATCH = 20_000


@dataclass(slots=True)
class _Tenant:
    """What a batch says of one tenant, and which message said it of an identifier last."""

    facts: Facts = field(default_factory=Facts)
    causes: dict[Identifier, tuple[Message, Absorbed]] = field(default_factory=dict)


@dataclass(slots=True)
class _Batch:
    """What messages say: by tenant, the refused, the offsets after them, and the newest append time."""

    tenants: dict[str, _Tenant] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    offsets: dict[bytes, int] = field(default_factory=dict)
    through: int = 0


class Lane:
    """Keeps the view on one generation current."""

    def __init__(
        self, redis: Redis, generation: Generation, consumer: Consumer, outbox: Outbox, id_key: bytes
    ) -> None:
        self.generation = generation
        self.state = ViewState(redis, generation)
        self._outbox = outbox
        self._id_key = id_key
        self._minters: dict[str, Minter] = {}
        rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
        self._observer = Observer(rules)
        self._applier = Applier(redis, generation, self.state, rules)
        self._log = LogReader(consumer, self.state)

    def step(self, timeout: float, before: Mapping[bytes, int] | None = None) -> int:
        """Apply what arrives within `timeout` seconds; returns the number of messages.

        With `before`, only messages below these offsets, and without telling the world: this view is
        being built behind one that has told it. Raises LostView, Contention, and what Kafka and Redis
        raise.
        """
        messages = self._log.read(BATCH, timeout, before)
        if not messages:
            return 0
        batch = self._absorb(messages)
        for tenant, said in batch.tenants.items():
            self._apply(tenant, said, batch.through, tell=before is None)
        if before is None:
            self._outbox.send_dead_letters(batch.refused)
        self.state.advance(batch.offsets, batch.through)
        self._log.note()
        return len(messages)

    def close(self) -> None:
        """Leave the consumer group."""
        self._log.close()

    def _absorb(self, messages: Sequence[Message]) -> _Batch:
        batch = _Batch()
        tenants = batch.tenants
        ends: dict[tuple[str, int], int] = {}
        for message in messages:
            topic, partition, offset = place(message)
            at = message.timestamp()[1] * 1_000
            ends[topic, partition] = offset
            batch.through = max(batch.through, at)
            try:
                record = accept(topic, message.value(), at)
                said = tenants.get(record.tenant)
                if said is None:
                    said = tenants[record.tenant] = _Tenant()
                about = absorb(record, self._observer, said.facts, at)
            except Malformed as error:
                batch.refused.append(_dead_letter(message, at, str(error)))
                continue
            for x in about:
                said.causes[x] = (message, record)
        batch.offsets = {overlay.partition_field(*ends_): offset + 1 for ends_, offset in ends.items()}
        return batch

    def _apply(self, tenant: str, said: _Tenant, at: int, *, tell: bool) -> None:
        minter = self._minters.get(tenant)
        if minter is None:
            minter = self._minters[tenant] = Minter(self._id_key, tenant)

        def told(view: SpeedView, update: Update) -> list[bytes]:
            return self._changes(view, update, tenant, said, at)

        self._applier.apply(said.facts, minter, told if tell else silent)

    def _changes(self, view: SpeedView, update: Update, tenant: str, said: _Tenant, at: int) -> list[bytes]:
        if not update.after:
            return []
        told = changes(
            update,
            tenant=tenant,
            cause=_cause([said.causes[x] for x in update.nodes if x in said.causes]),
            at=at,
            version=view.version(update),
            generation=self.generation.number,
        )
        return [packed(change) for change in told]


def _cause(known: list[tuple[Message, Absorbed]]) -> Cause | None:
    """The last of the messages that are known to have had a part in a change."""
    if not known:
        return None
    message, record = known[0] if len(known) == 1 else max(known, key=lambda said: place(said[0]))
    event_id = record.decision_id if isinstance(record, Decision) else record.event_id
    topic, partition, offset = place(message)
    return Cause(topic=topic, partition=partition, offset=offset, event_id=event_id)


def _dead_letter(message: Message, at: int, reason: str) -> DeadLetter:
    topic, partition, offset = place(message)
    value, key = message.value(), message.key()
    assert not isinstance(key, str) and not isinstance(value, str), "we ask for bytes"  # noqa: PT018
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        ingested_at=at,
        value=value or b"",
        key=key,
        reason=reason,
    )
