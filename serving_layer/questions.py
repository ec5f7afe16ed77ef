"""The questions, without I/O: generators that say what they need to read, and are sent what was found.

They yield a list of what to look at (`reading.Asked`, at most `reading.MOST`), for which they are sent a
`Reading`; or a customer id, for which they are sent the hash of the identifier that it was minted from, or
None. So commands, which wait for Redis, and the server, which shares its round trips, ask alike.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from identity import Identifier, UnknownTypeError
from schemas import records
from schemas.generation import BrokenGeneration
from serving_layer.generations import Standing
from serving_layer.outcome import Outcome, live_links
from serving_layer.reading import MOST, Asked, Freshness, Reading

Wanted = list[Asked] | str

# Handovers during one question; so many are a fault.
_TRIES = 10


class Answer(NamedTuple):
    """Outcomes in the order of the questions, all of one generation."""

    found: list[Outcome]
    freshness: Freshness


class _Moved(Exception):
    """Readers moved to another generation between two looks."""


def lookup(
    standing: Standing, tenant: str, questions: Sequence[tuple[str, str]]
) -> Generator[Wanted, Any, Answer]:
    """Who is each of these (type, raw value) pairs? At most `reading.MOST` of them.

    `standing` is the one by whose rules they are read at first.

    Raises UnknownTypeError, and BrokenGeneration where there is nothing to answer from.
    """
    for _ in range(_TRIES):
        identify = standing.observer.identify
        try:
            identified = [identify(type_, raw) for type_, raw in questions]
        except UnknownTypeError:
            reading = yield []
            if reading.standing.fingerprint == standing.fingerprint:
                raise
            standing = reading.standing
            continue
        found = [Outcome(x, fault) for x, fault in identified]
        good = [outcome for outcome in found if outcome.reason is None]
        reading = yield [(tenant, records.node_key(tenant, outcome.identifier)) for outcome in good]
        if reading.standing.fingerprint != standing.fingerprint:
            # Readers moved to other rules meanwhile: a value may have another normal form by these.
            standing = reading.standing
            continue
        standing = reading.standing
        try:
            yield from _fill(good, reading, tenant)
        except _Moved:
            continue
        return Answer(found, reading.freshness)
    raise BrokenGeneration("readers moved on each time that they were asked about: try again")


def customer(tenant: str, customer_id: str) -> Generator[Wanted, Any, tuple[Outcome | None, Freshness]]:
    """Whom an id means now, be it its own id or one from before a merge; told by one who lives in it.

    Raises BrokenGeneration where there is nothing to answer from.
    """
    reading: Reading = yield []
    for _ in range(_TRIES):
        standing = reading.standing
        key = records.id_key(tenant, customer_id)
        data = standing.generation.get([key]).get(key)
        if data is not None:
            keys = [records.node_key(tenant, x) for x in records.decode_id(data).residents]
        else:
            digest = yield customer_id
            keys = [records.node_key_of(tenant, digest)] if digest else []
        for some in _chunks(keys):
            reading = yield [(tenant, key) for key in some]
            if reading.standing.number != standing.number:
                break
            for node, component in zip(reading.nodes, reading.components, strict=True):
                if node:
                    x = records.decode_node(node).identifier
                    outcome = Outcome(x).read(standing, node, component, None)
                    if outcome.customer is not None:
                        return outcome, reading.freshness
        else:
            return None, reading.freshness
    raise BrokenGeneration("readers moved on each time that they were asked about: try again")


def _fill(found: list[Outcome], reading: Reading, tenant: str) -> Generator[Wanted, Any, None]:
    """What the records of these identifiers say; where a path is to be found, with a second look."""
    standing = reading.standing
    unsettled: list[Outcome] = []
    looked_at = zip(found, reading.nodes, reading.components, reading.pending, strict=True)
    for outcome, node, component, pending in looked_at:
        if outcome.read(standing, node, component, pending).open:
            unsettled.append(outcome)
    if unsettled:
        yield from _settle(unsettled, standing, tenant)


def _settle(found: list[Outcome], standing: Standing, tenant: str) -> Generator[Wanted, Any, None]:
    members = list(dict.fromkeys(x for outcome in found for x in outcome.members))
    nodes: dict[Identifier, bytes | None] = {}
    for some in _chunks(members):
        reading = yield [(tenant, records.node_key(tenant, x)) for x in some]
        if reading.standing.number != standing.number:
            raise _Moved
        nodes.update(zip(some, reading.nodes, strict=True))
    for outcome in found:
        inside = list(outcome.members)
        outcome.settle(live_links(inside, (nodes[x] for x in inside)), standing)


def _chunks(all_: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(all_)
    while some := list(islice(rest, MOST)):
        yield some
