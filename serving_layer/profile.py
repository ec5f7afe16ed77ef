"""A customer's profile and segments: what the generation knows of claims, and what the stream heard since.

Claims are merged. What is permitted counts for segments alone, and the stream's record has what was before.

A generator without I/O, as those of `questions`: it yields keys of Redis, the pointer first, and is sent what
stands there at one moment (one MGET), or None where Redis is away.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

from identity import Customer, Identifier, Rules
from identity.profile import Registers, Value, merged, profile
from identity.segments import segments
from schemas import overlay, records
from schemas.claims import beneath, decode_registers, profile_key
from serving_layer.generations import Generations, Standing
from serving_layer.reading import TRIES, KeptMoving

Values = Sequence[bytes | None]


class Known(NamedTuple):
    """What is known of a customer: values by attribute, segments, and by whose rules that is so.

    `stale` where the stream could not be asked, and the generation alone answers.
    """

    profile: dict[str, Value]
    segments: list[str]
    standing: Standing
    stale: bool = False


def known_of(
    generations: Generations, tenant: str, members: Iterable[Identifier]
) -> Generator[list[bytes], Values | None, Known]:
    """What is known of the customer with these members. Raises BrokenGeneration."""
    some = list(members)
    standing = generations.current
    for _ in range(TRIES):
        keys = _keys(standing.rules, tenant, some)
        prefix = overlay.view_prefix(standing.number)
        reply = yield [overlay.LIVE, *(prefix + key for key in keys)]
        live = None if reply is None or reply[0] is None else int(reply[0])
        if reply is not None and live is not None and live != standing.number:
            standing = generations.at(live)
            if standing.number == live:
                continue
            # The live one is broken, and the one before it answers alone.
            reply, keys = None, _keys(standing.rules, tenant, some)
        if reply is None or live is None:
            return _known(standing, len(some), keys, None)
        return _known(standing, len(some), keys, reply[1:])
    raise KeptMoving


def _keys(rules: Rules, tenant: str, members: Sequence[Identifier]) -> list[bytes]:
    """The keys of the members' registers, and then of what they permit, where that is asked for."""
    keys = [profile_key(tenant, x) for x in members]
    return keys + [records.claims_key(tenant, x) for x in members] if rules.asks_consent else keys


def published(standing: Standing, tenant: str, customer: Customer) -> list[str]:
    """The segments of a customer by the generation alone, as it knew that id; none if it did not."""
    generation = standing.generation
    keys = [records.node_key(tenant, x) for x in customer.members]
    nodes = generation.get(keys)
    places = {
        key: records.customer_key_of(tenant, digest)
        for key, node in nodes.items()
        if (digest := records.customer_digest(node))
    }
    for record in generation.get(places.values()).values():
        was = records.decode_customer(record)
        if was.id == customer.id:
            return _alone(standing, tenant, was.members)
    for key, x in zip(keys, customer.members, strict=True):
        node = nodes.get(key)
        if node and records.is_lone(node) and records.live_ends_and_customer(node)[1] == customer.id:
            return _alone(standing, tenant, [x])
    return []


def _alone(standing: Standing, tenant: str, members: Sequence[Identifier]) -> list[str]:
    keys = _keys(standing.rules, tenant, members)
    return _known(standing, len(members), keys, None).segments


def _known(standing: Standing, count: int, keys: Sequence[bytes], found_above: Values | None) -> Known:
    rules = standing.rules
    above = [None] * len(keys) if found_above is None else found_above
    known = standing.generation.get(keys)
    members = [
        _registers(rules, known.get(key), new) for key, new in zip(keys[:count], above[:count], strict=True)
    ]
    permits = [
        known.get(key) if new is None else overlay.record_of(new)
        for key, new in zip(keys[count:], above[count:], strict=True)
    ]
    said = [dict(records.decode_claims(record)) for record in permits if record]
    found = profile(rules, members)
    as_of = standing.generation.manifest.as_of
    return Known(found, segments(rules, found, members, as_of, said), standing, found_above is None)


def _registers(rules: Rules, published: bytes | None, new: bytes | None) -> Registers:
    above = decode_registers(new) if new else {}
    return merged(rules, beneath(decode_registers(published) if published else {}, above), above)
