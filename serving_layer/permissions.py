"""May this be done with these customers? A question, as those in `questions` are.

Whose claims count is known once the customer is. The generation mostly knows him already, so the claims of
its members are asked for in the same round trip; a second one is needed only where the stream knows more
members.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from identity import Identifier, UnknownTypeError
from identity.consent import Claims, Permission, standing
from schemas import overlay, records
from serving_layer import questions
from serving_layer.generations import Standing
from serving_layer.questions import Moved, Wanted
from serving_layer.reading import MOST_WATCHED, TRIES, Freshness, KeptMoving, Look, Reading


class Permitted(NamedTuple):
    """Whether a customer permits something: see `identity.consent.Standing`.

    Beyond its reasons there are `no_customer`, and `stale`: it was permitted, but the stream, which may know
    of a withdrawal, cannot be asked.
    """

    customer_id: str | None
    status: str
    reason: str
    until: int | None = None


# A node's record and its customer's.
_Records = tuple[bytes | None, bytes | None]

# A customer's id, and the keys of its members' claims.
Person = tuple[str, list[bytes]] | None

NO_CUSTOMER = Permitted(None, "unknown", "no_customer")


class Checked(NamedTuple):
    """Answers in the order of the questions, all of one generation."""

    found: list[Permitted]
    freshness: Freshness


def check(
    of: Standing, tenant: str, identifiers: Sequence[tuple[str, str]], about: Permission, at: int
) -> Generator[Wanted, Any, Checked]:
    """Whether those behind (type, raw value) pairs permit something at a moment (microseconds).

    At most `reading.MOST`; `of` is the standing by whose rules they are read at first. Raises
    UnknownTypeError, and BrokenGeneration where there is nothing to answer from.
    """
    for _ in range(TRIES):
        try:
            screened = [of.observer.identify(type_, raw) for type_, raw in identifiers]
        except UnknownTypeError:
            reading = yield Look([])
            if reading.standing.fingerprint == of.fingerprint:
                raise
            of = reading.standing
            continue
        keys = [records.node_key(tenant, x) if fault is None else None for x, fault in screened]
        try:
            return (yield from _checked(of, tenant, keys, about, at))
        except Moved:
            of = (yield Look([])).standing
    raise KeptMoving


def check_customers(
    tenant: str, ids: Sequence[str], about: Permission, at: int
) -> Generator[Wanted, Any, Checked]:
    """The same of customer ids, their own or from before a merge."""
    for _ in range(TRIES):
        of = (yield Look([])).standing
        keys = yield from _first_residents(of, tenant, ids)
        try:
            checked = yield from _checked(of, tenant, keys, about, at)
            gone = [
                i for i, one in enumerate(checked.found) if one.customer_id is None and keys[i] is not None
            ]
            if gone:
                checked = yield from _of_others(of, tenant, ids, gone, checked, about, at)
        except Moved:
            continue
        return checked
    raise KeptMoving


def _checked(
    of: Standing, tenant: str, keys: Sequence[bytes | None], about: Permission, at: int
) -> Generator[Wanted, Any, Checked]:
    """By the keys of nodes; None is nobody. Raises Moved."""
    asked = [key for key in keys if key is not None]
    known = _known(of, tenant, asked)
    likely = list(dict.fromkeys(_likely(known)))[:MOST_WATCHED]
    prefix = overlay.view_prefix(of.number)
    reading: Reading = yield Look([(tenant, key) for key in asked], [prefix + key for key in likely])
    if reading.standing.number != of.number:
        raise Moved
    above: dict[bytes, bytes | None] = dict(zip(likely, reading.watched, strict=True))
    people = {}
    for key, node, customer in zip(asked, reading.nodes, reading.customers, strict=True):
        read, person = known[key]
        people[key] = person if read == (node, customer) else _person(tenant, key, node, customer)
    wanted = dict.fromkeys(key for person in people.values() if person for key in person[1])
    claims, freshness = yield from claims_under(of, wanted, above, reading.freshness)
    found = []
    for place in keys:
        whose = people[place] if place is not None else None
        if whose is None:
            found.append(NO_CUSTOMER)
            continue
        customer_id, members = whose
        stands = standing([claims[member] for member in members if member in claims], about, at)
        if stands.status == "allowed" and freshness.stale:
            found.append(Permitted(customer_id, "unknown", "stale"))
        else:
            found.append(Permitted(customer_id, *stands))
    return Checked(found, freshness)


def claims_under(
    of: Standing,
    wanted: Iterable[bytes],
    above: Mapping[bytes, bytes | None] | None = None,
    freshness: Freshness | None = None,
) -> Generator[Wanted, Any, tuple[dict[bytes, Claims], Freshness]]:
    """The claims under these keys; `above` is what the overlay has of some. Raises Moved."""
    wanted = list(wanted)
    known = dict(above or {})
    missing = [key for key in wanted if key not in known]
    prefix = overlay.view_prefix(of.number)
    while missing or freshness is None:
        some, missing = missing[:MOST_WATCHED], missing[MOST_WATCHED:]
        reading: Reading = yield Look([], [prefix + key for key in some])
        if reading.standing.number != of.number:
            raise Moved
        known.update(zip(some, reading.watched, strict=True))
        if freshness is None or not freshness.stale:
            freshness = reading.freshness
    beneath = of.generation.get(key for key in wanted if known[key] is None)
    found = {}
    for key in wanted:
        value = known[key]
        record = beneath.get(key) if value is None else overlay.record_of(value)
        if record:
            found[key] = dict(records.decode_claims(record))
    return found, freshness


def _known(of: Standing, tenant: str, keys: Sequence[bytes]) -> dict[bytes, tuple[_Records, Person]]:
    """What the generation has of each node: its record and its customer's, and who that is."""
    nodes = of.generation.get(keys)
    places = {
        key: records.customer_key_of(tenant, digest)
        for key, node in nodes.items()
        if (digest := records.customer_digest(node))
    }
    customers = of.generation.get(places.values())
    known = {}
    for key in keys:
        node, customer = nodes.get(key), customers.get(places[key]) if key in places else None
        known[key] = (node, customer), _person(tenant, key, node, customer)
    return known


def _likely(known: Mapping[bytes, tuple[_Records, Person]]) -> Iterable[bytes]:
    """The keys of the claims that count as far as the generation knows."""
    for key, (_, person) in known.items():
        # Whom nobody knows, the stream may know as one by himself.
        yield from person[1] if person is not None else [_claims_key(key)]


def _person(tenant: str, key: bytes, node: bytes | None, customer: bytes | None) -> Person:
    """The customer of a node, and the keys of its members' claims; None where there is none."""
    if not node:
        return None
    if customer:
        customer_id, members, _ = records.plain_customer(customer)
        return customer_id, [records.claims_key(tenant, Identifier(*member)) for member in members]
    if records.is_lone(node):
        return records.live_ends_and_customer(node)[1], [_claims_key(key)]
    return None


def _claims_key(node_key: bytes) -> bytes:
    return records.CLAIMS + node_key[1:]


def _first_residents(
    of: Standing, tenant: str, ids: Sequence[str]
) -> Generator[Wanted, Any, list[bytes | None]]:
    """The node of the first who lives in each id; see `questions.customer`."""
    published = of.generation.get(records.id_key(tenant, id_) for id_ in ids)
    keys: list[bytes | None] = []
    for id_ in ids:
        data = published.get(records.id_key(tenant, id_))
        if data is None:
            digest = yield id_
            keys.append(records.node_key_of(tenant, digest) if digest else None)
        else:
            residents = records.decode_id(data).residents
            keys.append(records.node_key(tenant, residents[0]) if residents else None)
    return keys


def _of_others(
    of: Standing,
    tenant: str,
    ids: Sequence[str],
    gone: Sequence[int],
    checked: Checked,
    about: Permission,
    at: int,
) -> Generator[Wanted, Any, Checked]:
    """The same, where the first who lived in an id is nobody's any more: by whoever else lives there."""
    keys: list[bytes | None] = []
    for i in gone:
        outcome, _ = yield from questions.customer(tenant, ids[i])
        keys.append(records.node_key(tenant, outcome.identifier) if outcome is not None else None)
    others = yield from _checked(of, tenant, keys, about, at)
    found = list(checked.found)
    for i, other in zip(gone, others.found, strict=True):
        found[i] = other
    return Checked(found, others.freshness)
