"""The serving view for who can wait: commands, exports and tests. The overlay wins over the generation.

Each look is one round trip to Redis, inside which the pointer is compared with the generation that is open
here: an answer never mixes two generations. Where Redis is away, or has lost the view and is building it
again, the generation alone answers, and says that it is stale.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from redis import Redis
from redis.exceptions import RedisError

from identity import Customer, Identifier
from schemas import Unavailable, overlay, records
from schemas.generation import BrokenGeneration, Generation
from serving_layer import questions
from serving_layer.asking import asked
from serving_layer.generations import Generations
from serving_layer.outcome import Outcome
from serving_layer.profile import Known, known_of
from serving_layer.reading import SCRIPT, TRIES, Below, Freshness, Look, Reading, looked

log = logging.getLogger(__name__)

# How many records an export reads at a time.
_TOGETHER = 1_000

Result = TypeVar("Result")


class Found(NamedTuple):
    """The answer for one identifier: its customer, or None and (where there is one) the reason.

    `pending` says that events about it wait for the side lane; `certainty` is `serving_layer.certainty`'s.
    """

    identifier: Identifier
    customer: Customer | None
    reason: str | None = None
    pending: bool = False
    certainty: float | None = None


class Answer(NamedTuple):
    """Answers in the order of the questions, all of one moment."""

    found: list[Found]
    freshness: Freshness


class ServingView:
    """Answers for one tenant. Safe to share between threads."""

    def __init__(self, redis: Redis, generations: Path, tenant: str) -> None:
        self._redis = redis
        self._tenant = tenant
        self._script = redis.register_script(SCRIPT)
        self.generations = Generations(generations)

    def lookup(self, asked: Sequence[tuple[str, str]]) -> Answer:
        """Who is each of these (type, raw value) pairs, at most `reading.MOST`?

        Raises UnknownTypeError, and BrokenGeneration where there is nothing to answer from.
        """
        outcomes, freshness = self.ask(questions.lookup(self.generations.current, self._tenant, asked))
        return Answer([_found(outcome) for outcome in outcomes], freshness)

    def customer(self, customer_id: str) -> tuple[Customer | None, Freshness]:
        """The customer that an id means now, be it its own id or one from before a merge."""
        outcome, freshness = self.ask(questions.customer(self._tenant, customer_id))
        return outcome.as_customer() if outcome is not None else None, freshness

    def known(self, customer: Customer) -> Known:
        """What is known of a customer: its profile, and its segments."""
        return asked(known_of(self.generations, self._tenant, customer.members), self._values)

    def customers(self) -> Iterator[Customer]:
        """All customers. The overlay is read first and at one go, the generation as it is asked for.

        Of a stream that is moving this is no snapshot: a customer that changes during the scan of the
        overlay may be seen before or after the change.
        """
        generation, changed = self._overlaid()
        for kind in (b"n", b"c"):
            for key, record in generation.scan(records.tenant_prefix(kind, self._tenant)):
                if key not in changed:
                    yield from _customers(key, record)
        for key, record in changed.items():
            yield from _customers(key, record)

    def freshness(self) -> Freshness:
        """What answers rest on at this moment. Raises BrokenGeneration where there is none."""
        return self._read(Look([])).freshness

    def ask(self, question: Generator[questions.Wanted, Any, Result]) -> Result:
        """Read what a question of `serving_layer.questions` wants, until it has its answer."""
        return asked(question, self._find)

    def _find(self, wanted: questions.Wanted) -> Any:  # noqa: ANN401 - a hash, or a reading
        return self._minted_from(wanted) if isinstance(wanted, str) else self._read(wanted)

    def _read(self, look: Look) -> Reading:
        return asked(looked(self.generations, look), self._look)

    def _look(self, below: Below) -> Sequence[Any] | None:
        keys, arguments = below.question()
        try:
            return cast("list[Any]", self._script(keys=keys, args=arguments))
        except RedisError as error:
            log.warning("Redis does not answer, the generation does: %s", error)
            return None

    def _minted_from(self, customer_id: str) -> bytes | None:
        bucket, field = overlay.id_field(self._tenant, customer_id)
        try:
            return cast("bytes | None", self._redis.hget(cast("str", bucket), cast("str", field)))
        except RedisError:
            return None  # the answer will say that it is stale

    def _values(self, keys: list[bytes]) -> list[bytes | None] | None:
        try:
            return cast("list[bytes | None]", self._redis.mget(keys))
        except RedisError as error:
            log.warning("Redis does not answer, the generation does: %s", error)
            return None

    def _pointer(self) -> int | None:
        found = cast("bytes | None", self._redis.get(overlay.LIVE))
        return int(found) if found is not None else None

    def _overlaid(self) -> tuple[Generation, dict[bytes, bytes]]:
        """The live generation, and every record that differs from it; of nodes with company only the key."""
        for _ in range(TRIES):
            try:
                live = self._pointer()
                generation = self.generations.at(live).generation
                if live is None:
                    raise Unavailable("the stream's view is being built, and no export is whole before")
                if generation.number != live:
                    raise Unavailable(f"generation {live} is broken, and no export is whole without it")
                changed = dict(self._scan(live))
                if self._pointer() == live:
                    return generation, changed
            except RedisError as error:
                raise Unavailable(f"without Redis no export is whole, and it says: {error}") from error
        raise BrokenGeneration("readers moved on each time that the overlay was read: try again")

    def _scan(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        prefix = overlay.view_prefix(number)
        # The pattern's brackets choose the kind; a tenant's name holds nothing that a pattern knows.
        pattern = prefix + b"[nc]" + records.tenant_prefix(b"", self._tenant) + b"*"
        found = self._redis.scan_iter(match=pattern, count=_TOGETHER)
        while keys := list(islice(found, _TOGETHER)):
            for key, value in zip(keys, cast("list[bytes | None]", self._redis.mget(keys)), strict=True):
                if value is not None:
                    bare, record = key[len(prefix) :], overlay.record_of(value)
                    yield bare, record if next(_customers(bare, record), None) else b""


def _customers(key: bytes, record: bytes) -> Iterator[Customer]:
    """The customer that a record tells of by itself, if it does."""
    if not record:
        return
    if key.startswith(b"c"):
        yield records.decode_customer(record)
    elif records.is_lone(record):
        node = records.decode_node(record)
        yield Customer(node.customer, (node.identifier,))


def _found(outcome: Outcome) -> Found:
    return Found(
        outcome.identifier, outcome.as_customer(), outcome.reason, outcome.pending, outcome.certainty
    )
