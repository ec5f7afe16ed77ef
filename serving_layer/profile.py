"""A customer's profile: what the generation knows of its members' claims, and what the stream heard since.

A generator without I/O, as those of `questions`: it yields keys of Redis, the pointer first, and is sent what
stands there at one moment (one MGET), or None where Redis is away.
"""

from collections.abc import Generator, Iterable, Sequence

from identity import Identifier
from identity.profile import Value, merged, profile
from schemas import overlay
from schemas.claims import decode_registers, profile_key
from schemas.generation import BrokenGeneration
from serving_layer.generations import Generations, Standing
from serving_layer.reading import TRIES

Values = Sequence[bytes | None]
Profile = dict[str, Value]


def profile_of(
    generations: Generations, tenant: str, members: Iterable[Identifier]
) -> Generator[list[bytes], Values | None, tuple[Profile, Standing]]:
    """The values by attribute, and by whose rules they are. Raises BrokenGeneration."""
    keys = [profile_key(tenant, x) for x in members]
    standing = generations.current
    for _ in range(TRIES):
        prefix = overlay.view_prefix(standing.number)
        reply = yield [overlay.LIVE, *(prefix + key for key in keys)]
        live = None if reply is None or reply[0] is None else int(reply[0])
        if reply is None or live is None:
            return _told(standing, keys, [None] * len(keys)), standing
        if live == standing.number:
            return _told(standing, keys, reply[1:]), standing
        standing = generations.at(live)
        if standing.number != live:
            # The live one is broken, and the one before it answers alone.
            return _told(standing, keys, [None] * len(keys)), standing
    raise BrokenGeneration("readers moved on each time that they were asked about: try again")


def _told(standing: Standing, keys: Sequence[bytes], above: Values) -> Profile:
    rules = standing.rules
    beneath = standing.generation.get(keys)
    members = (
        merged(rules, *(decode_registers(data) for data in (beneath.get(key), new) if data))
        for key, new in zip(keys, above, strict=True)
    )
    return profile(rules, members)
