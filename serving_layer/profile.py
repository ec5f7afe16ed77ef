"""A customer's profile and segments: what the generation knows of claims, and what the stream heard since.

A generator without I/O, as those of `questions`: it yields keys of Redis, the pointer first, and is sent what
stands there at one moment (one MGET), or None where Redis is away.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

from identity import Identifier, Rules
from identity.profile import Registers, Value, merged, profile
from identity.segments import segments
from schemas import overlay
from schemas.claims import beneath, decode_registers, profile_key
from schemas.generation import BrokenGeneration
from serving_layer.generations import Generations, Standing
from serving_layer.reading import TRIES

Values = Sequence[bytes | None]


class Known(NamedTuple):
    """What is known of a customer: values by attribute, segments, and by whose rules that is so."""

    profile: dict[str, Value]
    segments: list[str]
    standing: Standing


def known_of(
    generations: Generations, tenant: str, members: Iterable[Identifier]
) -> Generator[list[bytes], Values | None, Known]:
    """What is known of the customer with these members. Raises BrokenGeneration."""
    keys = [profile_key(tenant, x) for x in members]
    standing = generations.current
    for _ in range(TRIES):
        prefix = overlay.view_prefix(standing.number)
        reply = yield [overlay.LIVE, *(prefix + key for key in keys)]
        live = None if reply is None or reply[0] is None else int(reply[0])
        if reply is None or live is None:
            return _known(standing, keys, [None] * len(keys))
        if live == standing.number:
            return _known(standing, keys, reply[1:])
        standing = generations.at(live)
        if standing.number != live:
            # The live one is broken, and the one before it answers alone.
            return _known(standing, keys, [None] * len(keys))
    raise BrokenGeneration("readers moved on each time that they were asked about: try again")


def _known(standing: Standing, keys: Sequence[bytes], above: Values) -> Known:
    rules = standing.rules
    published = standing.generation.get(keys)
    members = [_registers(rules, published.get(key), new) for key, new in zip(keys, above, strict=True)]
    found = profile(rules, members)
    as_of = standing.generation.manifest.as_of
    return Known(found, segments(rules, found, members, as_of), standing)


def _registers(rules: Rules, published: bytes | None, new: bytes | None) -> Registers:
    above = decode_registers(new) if new else {}
    known = decode_registers(published) if published else {}
    return merged(rules, beneath(known, above), above)
