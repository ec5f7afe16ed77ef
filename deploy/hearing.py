"""What the stream says of identifiers, for parity: registers and statements, with what is beneath them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, cast

from redis import Redis

from identity import Rules, rulefile
from identity.profile import Registers, merged
from schemas import overlay, records
from schemas.claims import REGISTERS, decode_registers, encode_registers
from schemas.generation import Generation

_TOGETHER: Final = 1_000  # records read at a time

# key, stream, below: see `batch_layer.said_parity.HEARD`
Heard = tuple[bytes, bytes | None, bytes | None]


def heard(redis: Redis, generation: Generation) -> Iterator[Heard]:
    """Of each identifier of which the overlay of a generation tells something: what readers are told."""
    prefix = overlay.view_prefix(generation.number)
    rules = rulefile.parse(generation.manifest.rules)
    for kind in (REGISTERS, records.CLAIMS):
        found = redis.scan_iter(match=prefix + kind + b"*", count=_TOGETHER)
        while some := list(islice(found, _TOGETHER)):
            keys = [key.removeprefix(prefix) for key in some]
            nodes = [prefix + b"n" + key[1:] for key in keys]
            values = cast("list[bytes | None]", redis.mget([*some, *nodes]))
            beneath = generation.get(keys)
            for key, value, node in zip(keys, values, values[len(some) :], strict=False):
                # Of who is gone from the stream nothing is told, whatever is left.
                if value is not None and (node is None or overlay.record_of(node)):
                    yield _word(key, value, beneath.get(key), rules)


def _word(key: bytes, value: bytes, below: bytes | None, rules: Rules) -> Heard:
    if key.startswith(REGISTERS):
        registers = [decode_registers(data) for data in (below, value) if data]
        known = registers[:-1]
        return key, _registers(rules, registers), _registers(rules, known)
    return key, _statements(overlay.record_of(value)), _statements(below)


def _registers(rules: Rules, several: Sequence[Registers]) -> bytes | None:
    together = merged(rules, *several)
    return encode_registers(together) if together else None


def _statements(record: bytes | None) -> bytes | None:
    said = records.decode_claims(record) if record else []
    return records.encode_claims(sorted(said)) if said else None
