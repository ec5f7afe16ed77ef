"""The questions, without I/O: generators that say what they need to read, and are sent what was found.

They yield a `reading.Look` of at most `reading.MOST` identifiers, for which they are sent a `Reading`; or a
customer id, for which they are sent the hash of the identifier that it was minted from, or None. So commands,
which wait for Redis, and the server, which shares its round trips, ask alike.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from identity import Identifier, UnknownTypeError
from identity.graph import Node
from schemas import records
from serving_layer.generations import Standing
from serving_layer.outcome import Outcome, live_links, plain
from serving_layer.reading import MOST, TRIES, Freshness, KeptMoving, Look, Reading, Rests

Wanted = Look | str


class Answer(NamedTuple):
    """Outcomes in the order of the questions, all of one generation."""

    found: list[Outcome]
    freshness: Freshness

    @property
    def ids(self) -> list[str]:
        """The ids of those that are a customer."""
        return ids_of(self.found)


def ids_of(found: Iterable[Outcome]) -> list[str]:
    """The ids of those that are a customer."""
    return [outcome.customer[0] for outcome in found if outcome.customer is not None]


class Moved(Exception):
    """Readers moved to another generation between two looks."""


def lookup(
    standing: Standing, tenant: str, questions: Sequence[tuple[str, str]]
) -> Generator[Look, Any, Answer]:
    """Who is each of these (type, raw value) pairs? At most `reading.MOST` of them.

    `standing` is the one by whose rules they are read at first.

    Raises UnknownTypeError, and BrokenGeneration where there is nothing to answer from.
    """
    for _ in range(TRIES):
        identify = standing.observer.identify
        try:
            found = [Outcome(*identify(type_, raw)) for type_, raw in questions]
        except UnknownTypeError:
            reading = yield Look([])
            if reading.standing.fingerprint == standing.fingerprint:
                raise
            standing = reading.standing
            continue
        clean = [outcome for outcome in found if outcome.reason is None]
        reading = yield Look([_key(tenant, outcome) for outcome in clean])
        moved = reading.standing.fingerprint != standing.fingerprint
        standing = reading.standing
        if moved:
            continue  # a value may have another normal form by these rules
        try:
            yield from _fill(clean, reading, tenant)
        except Moved:
            continue
        return Answer(found, reading.freshness)
    raise KeptMoving


def _key(tenant: str, outcome: Outcome) -> tuple[str, bytes]:
    return tenant, records.node_key(tenant, outcome.identifier)


def customer(tenant: str, customer_id: str) -> Generator[Wanted, Any, tuple[Outcome | None, Freshness]]:
    """Whom an id means now, be it its own id or one from before a merge; told by one who lives in it.

    Raises BrokenGeneration where there is nothing to answer from.
    """
    reading: Reading = yield Look([])
    for _ in range(TRIES):
        standing = reading.standing
        key = records.id_key(tenant, customer_id)
        data = standing.generation.get([key]).get(key)
        if data is not None:
            keys = [records.node_key(tenant, x) for x in records.decode_id(data).residents]
        else:
            digest = yield customer_id
            keys = [records.node_key_of(tenant, digest)] if digest else []
        for some in _chunks(keys):
            reading = yield Look([(tenant, key) for key in some])
            if reading.standing.number != standing.number:
                break
            for node, customer in zip(reading.nodes, reading.customers, strict=True):
                decoded = records.decode_node(node) if node else None
                # Who was erased and came again lives in a published id no more.
                if decoded is not None and (data is None or decoded.home == customer_id):
                    x = decoded.identifier
                    outcome = Outcome(x).read(standing, node, plain(customer), None)
                    if outcome.customer is not None:
                        return outcome, reading.freshness
        else:
            return None, reading.freshness
    raise KeptMoving


def nodes_of(
    tenant: str, identifiers: Sequence[Identifier], number: int
) -> Generator[Look, Any, tuple[dict[Identifier, Node], Freshness]]:
    """The nodes of identifiers, one or more, all of the generation of this number. Raises Moved."""
    nodes: dict[Identifier, Node] = {}
    for some in _chunks(identifiers):
        reading: Reading = yield Look([(tenant, records.node_key(tenant, x)) for x in some])
        if reading.standing.number != number:
            raise Moved
        nodes |= {x: records.decode_node(node) for x, node in zip(some, reading.nodes, strict=True) if node}
    return nodes, reading.freshness


def _fill(found: list[Outcome], reading: Reading, tenant: str) -> Generator[Look, Any, None]:
    """What the records of these identifiers say; where a path is to be found, with a second look."""
    standing = reading.standing
    unsettled: list[Outcome] = []
    looked_at = zip(found, reading.nodes, reading.customers, reading.pending, reading.rests, strict=True)
    for outcome, node, customer, pending, rests in looked_at:
        outcome.read(standing, node, plain(customer), pending)
        if outcome.customer is not None and not outcome.pending:
            outcome.rests = rests
        if outcome.open:
            unsettled.append(outcome)
    if unsettled:
        yield from _settle(unsettled, standing, tenant)


def _settle(found: list[Outcome], standing: Standing, tenant: str) -> Generator[Look, Any, None]:
    members = list(dict.fromkeys(x for outcome in found for x in outcome.members))
    nodes: dict[Identifier, bytes | None] = {}
    rests: dict[Identifier, Rests] = {}
    for some in _chunks(members):
        reading = yield Look([(tenant, records.node_key(tenant, x)) for x in some])
        if reading.standing.number != standing.number:
            raise Moved
        nodes.update(zip(some, reading.nodes, strict=True))
        rests.update(zip(some, reading.rests, strict=True))
    for outcome in found:
        inside = list(outcome.members)
        outcome.settle(live_links(inside, (nodes[x] for x in inside)), standing)
        outcome.rests = _together([outcome.rests, *(rests[x] for x in inside)])


def _together(all_: Iterable[Rests]) -> Rests:
    """All of them; nothing is known where nothing is known of one, or where two do not agree."""
    together: dict[bytes, bytes | None] = {}
    for keys, values in all_:
        if not keys:
            return Rests()
        for key, value in zip(keys, values, strict=True):
            if together.setdefault(key, value) != value:
                return Rests()
    return Rests(tuple(together), tuple(together.values()))


def _chunks(all_: Iterable[Any]) -> Iterator[list[Any]]:
    """As many together as a look may ask for."""
    rest = iter(all_)
    while some := list(islice(rest, MOST)):
        yield some
