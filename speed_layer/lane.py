"""A lane: the log from a view's offsets on, and the view that it is applied to.

One batch, step by step; a crash between any two of them repeats, and never loses:

1. Take messages from Kafka, from the offsets that the view itself holds; then erasures, to the topic's end,
   and take whom they name out of the view.
2. Decode and absorb them into facts; what is refused becomes dead letters.
3. Resolve what the facts touch, and commit each independent update atomically. A conflict with another
   worker means reading and resolving again: facts merge, so those committed already change nothing. What is
   claimed of identifiers merges likewise.
4. Send the dead letters and wait until the broker has them.
5. Advance the view's offsets. Kafka's own are committed too, but only for people who watch the lag:
   the view holds its offsets beside its data, so that the two can only be lost together.
"""

import time
from collections.abc import Mapping

from confluent_kafka import Consumer
from redis import Redis

from identity import Minter, rulefile
from schemas.generation import Generation
from schemas.ledger import by_tenant
from speed_layer.apply import Applier
from speed_layer.changes import Teller
from speed_layer.consents import Consents
from speed_layer.erasures import ErasureLog
from speed_layer.errors import Outdated
from speed_layer.intake import Intake, Said
from speed_layer.log import LogReader
from speed_layer.metrics import Metrics
from speed_layer.outbox import Outbox
from speed_layer.profiles import Profiles
from speed_layer.view import ViewState

# What waits is taken together: the more there is, the more of it says the same, and who has to catch up has
# waited anyway. Beyond this little is gained.
BATCH = 100_000

# And no more than takes about so many seconds, going by the batch before: so long does a stop signal wait to
# be heard. But never fewer than pays: hard events share most of their work.
BATCH_S = 4.0
FEWEST = 2_000

# So many seconds where a view is being built behind the live one, which waits for it.
BEHIND_S = 0.5


class Lane:
    """Keeps the view on one generation current."""

    def __init__(
        self,
        redis: Redis,
        generation: Generation,
        consumer: Consumer,
        outbox: Outbox,
        id_key: bytes,
        metrics: Metrics,
        erasures: ErasureLog | None = None,
    ) -> None:
        """Without `erasures` nobody is: only for who measures or tests the rest."""
        self._erasures = erasures
        self._metrics = metrics
        self._most = FEWEST
        self.generation = generation
        self.state = ViewState(redis, generation)
        self._outbox = outbox
        self._id_key = id_key
        self._minters: dict[str, Minter] = {}
        rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
        self._intake = Intake(rules, erasures.ledger if erasures is not None else None)
        self._applier = Applier(redis, generation, self.state, rules, metrics)
        self._consents = Consents(redis, generation, self.state)
        self._profiles = Profiles(redis, generation.number, self.state, rules)
        self._log = LogReader(consumer, self.state)

    def step(self, timeout: float, before: Mapping[bytes, int] | None = None) -> int:
        """Apply what arrives within `timeout` seconds; returns the number of messages.

        With `before`, only messages below these offsets, and without telling the world: this view is
        being built behind one that has told it. Raises LostView, Contention, and what Kafka and Redis
        raise.
        """
        messages = self._log.read(self._most, timeout, before)
        self._erase(level=bool(messages), tell=before is None)
        if not messages:
            return 0
        begun = time.monotonic()
        batch = self._intake.read(messages)
        for tenant, said in batch.tenants.items():
            self._apply(tenant, said, batch.through, tell=before is None)
        if before is None:
            self._outbox.send_dead_letters(batch.refused)
        self.state.advance(batch.offsets, batch.through)
        self._log.note()
        took = time.monotonic() - begun
        seconds = BATCH_S if before is None else BEHIND_S
        self._most = min(max(int(len(messages) * seconds / took), FEWEST), BATCH)
        if before is None:
            # What a view is built from again was counted, and seen, when the live one took it.
            for (topic, encoding), count in batch.accepted.items():
                self._metrics.accepted(topic, encoding, count)
            self._metrics.refused(batch.refused)
            self._metrics.visible(batch.appended, time.time_ns() // 1_000)
            self._metrics.batch(len(messages), took)
        return len(messages)

    def close(self) -> None:
        """Leave the consumer group."""
        self._log.close()
        if self._erasures is not None:
            self._erasures.close()

    def _erase(self, *, level: bool, tell: bool) -> None:
        """Every worker applies every erasure: one that had not heard of it may just have written."""
        if self._erasures is None:
            return
        known = self._erasures.offset
        requests = self._erasures.read(level=level)
        if self._erasures.offset == known:
            return
        if self.generation.manifest.erased < self._erasures.ledger.settled and any(self.generation.scan(b"")):
            raise Outdated(
                f"generation {self.generation.number} was put back, and has people who were erased since: "
                "run 'ucid batch', or lead readers to a newer one"
            )
        self._intake.forget()
        for tenant, erased in by_tenant(requests).items():
            at = max(erased.values())
            teller = Teller(tenant, self.generation.number, at, lambda _: None) if tell else None
            self._applier.erase(erased, self._minter(tenant), teller)
            self._consents.erase(tenant, erased)
            # A generation that was made without them has no claims to mask, and whoever writes upon it has
            # heard of them before: a mark of who is gone would stay for nothing.
            masked = {x: when for x, when in erased.items() if when > self.generation.manifest.erased}
            self._profiles.erase(tenant, masked)
        self.state.note_erasures(self._erasures.offset)

    def _apply(self, tenant: str, said: Said, at: int, *, tell: bool) -> None:
        # First, so that nobody is part of a customer before what he withdrew is.
        self._consents.apply(tenant, said.permits)
        teller = Teller(tenant, self.generation.number, at, said.where) if tell else None
        self._applier.apply(said.facts, self._minter(tenant), teller)
        self._profiles.write(tenant, said.claims)

    def _minter(self, tenant: str) -> Minter:
        minter = self._minters.get(tenant)
        if minter is None:
            minter = self._minters[tenant] = Minter(self._id_key, tenant)
        return minter
