"""The serving view: the overlay wins, the generation answers for the rest.

Each lookup is one round trip to Redis, inside which the pointer is compared with the generation that
is open here: an answer never mixes two generations. Where Redis is away, or has lost the view and is
building it again, the generation alone answers, and says that it is stale.
"""

import logging
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from redis import Redis
from redis.exceptions import RedisError

from identity import Customer, Identifier, Observer, UnknownTypeError, rulefile
from schemas import Unavailable, overlay, records
from schemas.generation import BrokenGeneration, Generation, numbers, open_generation

log = logging.getLogger(__name__)

# A handover may happen between opening a generation and asking Redis; two in a row do not.
_TRIES = 10


# How many records an export reads at a time.
_TOGETHER = 1_000


class Freshness(NamedTuple):
    """What an answer rests on.

    `through` is the append time (microseconds) up to which the stream is included, None where it is not
    known; `stale` says that the stream could not be asked, or has lost its view and is rebuilding it.
    """

    generation: int
    through: int | None
    stale: bool


class Found(NamedTuple):
    """The answer for one identifier: its customer, or None and (where there is one) the reason.

    `pending` says that events about it wait for the side lane.
    """

    identifier: Identifier
    customer: Customer | None
    reason: str | None = None
    pending: bool = False


class Answer(NamedTuple):
    """Answers in the order of the questions, all of one moment."""

    found: list[Found]
    freshness: Freshness


class _Reading(NamedTuple):
    """The records of some identifiers: encoded node and customer, None where there is none; and pending."""

    records: list[tuple[bytes | None, bytes | None, bool]]
    freshness: Freshness


class ServingView:
    """Answers for one tenant. Safe to share between threads."""

    def __init__(self, redis: Redis, generations: Path, tenant: str) -> None:
        self._redis = redis
        self._generations = generations
        self._tenant = tenant
        self._script = redis.register_script(files("serving_layer").joinpath("lookup.lua").read_text())
        self._observers: dict[str, Observer] = {}
        self._open: Generation | None = None

    def lookup(self, questions: Sequence[tuple[str, str]]) -> Answer:
        """Who is each of these (type, raw value) pairs?

        Raises UnknownTypeError, and BrokenGeneration where there is nothing to answer from.
        """
        generation = self._generation(None)
        while True:
            observer = self._observer(generation)
            try:
                identified = [observer.identify(type_, raw) for type_, raw in questions]
            except UnknownTypeError:
                live = self._generation(self._live())
                if live.manifest.fingerprint == generation.manifest.fingerprint:
                    raise
                generation = live
                continue
            answer = self._answer(identified)
            answered = self._generation(answer.freshness.generation)
            if answered.manifest.fingerprint == generation.manifest.fingerprint:
                return answer
            # Readers moved to other rules meanwhile: a value may have another normal form by these.
            generation = answered

    def customer(self, customer_id: str) -> tuple[Customer | None, Freshness]:
        """The customer that an id means now, be it its own id or one from before a merge."""
        generation = self._generation(self._live())
        reading = self._read(self._residents(generation, customer_id))
        found = (_customer(node, customer) for node, customer, _ in reading.records if node)
        return next((customer for customer in found if customer is not None), None), reading.freshness

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
        return self._answer([]).freshness

    def _answer(self, identified: Sequence[tuple[Identifier, str | None]]) -> Answer:
        good = [identifier for identifier, fault in identified if fault is None]
        reading = self._read([records.node_key(self._tenant, identifier) for identifier in good])
        answers = {
            identifier: _found(identifier, *found)
            for identifier, found in zip(good, reading.records, strict=True)
        }
        found = [
            answers.get(identifier) or Found(identifier, None, fault) for identifier, fault in identified
        ]
        return Answer(found, reading.freshness)

    def _read(self, keys: Sequence[bytes]) -> _Reading:
        number: int | None = None
        for _ in range(_TRIES):
            generation = self._generation(number)
            below = generation.get(keys)
            try:
                reply = self._ask(generation.number, keys, below)
            except RedisError as error:
                log.warning("Redis does not answer, the generation does: %s", error)
                reply = [None]
            if reply[0] is None:
                return self._merge(generation, keys, below, [None, None] + [None] * 3 * len(keys))
            number = int(reply[0])
            if number == generation.number:
                return self._merge(generation, keys, below, reply)
        raise BrokenGeneration(f"readers stand on generation {number}, which cannot be opened")

    def _ask(self, number: int, keys: Sequence[bytes], below: dict[bytes, bytes]) -> list[Any]:
        arguments: list[Any] = [
            number,
            overlay.view_prefix(number),
            records.tenant_prefix(b"c", self._tenant),
        ]
        for key in keys:
            arguments += [key, records.customer_digest(below.get(key, b""))]
        names = [overlay.LIVE, overlay.through_key(number), overlay.pending_key(number)]
        return cast("list[Any]", self._script(keys=names, args=arguments))

    def _merge(
        self, generation: Generation, keys: Sequence[bytes], below: dict[bytes, bytes], reply: list[Any]
    ) -> _Reading:
        nodes = [
            overlay.record_of(above) if above is not None else below.get(key)
            for key, above in zip(keys, reply[2::3], strict=True)
        ]
        customer_keys = [
            records.customer_key_of(self._tenant, digest)
            if node and (digest := records.customer_digest(node))
            else None
            for node in nodes
        ]
        beneath = generation.get(key for key in customer_keys if key is not None)
        customers = [
            overlay.record_of(above) if above is not None else beneath.get(key) if key is not None else None
            for key, above in zip(customer_keys, reply[3::3], strict=True)
        ]
        through = int(reply[1]) if reply[1] is not None else None
        freshness = Freshness(generation.number, through, stale=reply[0] is None)
        pending = [bool(known) for known in reply[4::3]]
        return _Reading(list(zip(nodes, customers, pending, strict=True)), freshness)

    def _generation(self, number: int | None) -> Generation:
        """The generation of that number; of None the one that is open, else the live or the newest."""
        if self._open is not None and number in {None, self._open.number}:
            return self._open
        if number is None:
            number = self._live()
        candidates = [number] if number is not None else numbers(self._generations)[::-1]
        for candidate in candidates:
            try:
                self._open = open_generation(self._generations, candidate)
            except BrokenGeneration as error:
                log.warning("%s", error)
            else:
                return self._open
        raise BrokenGeneration(f"no generation can be opened in {self._generations}: run 'ucid batch'")

    def _live(self) -> int | None:
        """The generation that readers stand on, if any and if Redis says so."""
        try:
            return self._pointer()
        except RedisError:
            return None

    def _pointer(self) -> int | None:
        found = cast("bytes | None", self._redis.get(overlay.LIVE))
        return int(found) if found is not None else None

    def _observer(self, generation: Generation) -> Observer:
        fingerprint = generation.manifest.fingerprint
        observer = self._observers.get(fingerprint)
        if observer is None:
            rules = rulefile.parse(generation.manifest.rules, source="the generation's rules")
            observer = Observer(rules)
            self._observers = {fingerprint: observer}
        return observer

    def _residents(self, generation: Generation, customer_id: str) -> list[bytes]:
        """The keys of the nodes that lead to whom an id means."""
        key = records.id_key(self._tenant, customer_id)
        data = generation.get([key]).get(key)
        if data is not None:
            return [records.node_key(self._tenant, x) for x in records.decode_id(data).residents]
        bucket, field = overlay.id_field(self._tenant, customer_id)
        try:
            digest = self._redis.hget(cast("str", bucket), cast("str", field))
        except RedisError:
            return []  # the answer will say that it is stale
        return [records.node_key_of(self._tenant, cast("bytes", digest))] if digest else []

    def _overlaid(self) -> tuple[Generation, dict[bytes, bytes]]:
        """The live generation, and every record that differs from it; of nodes with company only the key."""
        for _ in range(_TRIES):
            try:
                live = self._pointer()
                generation = self._generation(live)
                if live is None:
                    raise Unavailable("the stream's view is being built, and no export is whole before")
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


def _found(identifier: Identifier, node: bytes | None, customer: bytes | None, pending: bool) -> Found:
    if not node:
        return Found(identifier, None, pending=pending)
    if customer or records.is_lone(node):
        return Found(identifier, _customer(node, customer), pending=pending)
    return Found(identifier, None, records.decode_node(node).fault, pending)


def _customer(node: bytes, customer: bytes | None) -> Customer | None:
    """The customer that an encoded node is part of, its record beside it if it has one."""
    if records.is_lone(node):
        decoded = records.decode_node(node)
        return Customer(decoded.customer, (decoded.identifier,))
    return records.decode_customer(customer) if customer else None
