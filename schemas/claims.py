r"""From a record to claims, and registers as bytes: shared by the stream, the batch and who answers.

    a<tenant>\0<hash>   MessagePack [[attribute, [[at, value, source, key, ingested_at], …]], …], best first

In a generation it stands for all that was claimed before its cut-off, in Redis for what was since: who reads
merges the two. Of somebody who was erased since, Redis says so under an attribute without a name, and what
the generation knows of before then does not count.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from identity import Identifier, Rules
from identity.profile import Claim, Registers, Told, claims, strongest
from identity.segments import counted, counting
from schemas.events import Absorbed, Consent, Decision, kind_of
from schemas.records import identifier_digest, tenant_prefix

# The kind of a web event with which customers change their details themselves.
UPDATE: Final = "profile_update"

# What events are called as sources; slow sources have names of their own.
WEB_SOURCE, EMAIL_SOURCE, SELF_SERVICE = "web", "email", "self_service"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, tuple[Claim, ...]]]).decode

# The attribute whose one claim tells up to when an identifier is erased. No rule can name it.
ERASED: Final = ""

REGISTERS: Final = b"a"  # the kind of a key: what was claimed of an identifier's customer


def source_of(kind: str, event: Any) -> str:  # noqa: ANN401 - an event, or what is read of a plain one
    """The source that the claims of an event of a kind come from."""
    if kind == EMAIL_SOURCE:
        return EMAIL_SOURCE
    return SELF_SERVICE if event.kind == UPDATE else WEB_SOURCE


def claimed(
    record: Absorbed, about: Sequence[Identifier], rules: Rules, ingested_at: int
) -> tuple[Identifier | None, Iterator[Told]]:
    """What an event claims, and of which identifier.

    `about` are the event's identifiers that count; without one nothing is claimed, nor by other records.
    """
    owner = None if isinstance(record, Decision | Consent) else strongest(about, rules)
    if isinstance(record, Decision | Consent) or owner is None:
        return None, iter(())
    return owner, told(kind_of(record), record, rules, record.occurred_at, ingested_at)


def told(
    kind: str,
    event: Any,  # noqa: ANN401 - an event, or what is read of a plain one
    rules: Rules,
    occurred_at: int,
    ingested_at: int,
) -> Iterator[Told]:
    """What an event with properties claims: values of attributes, and to be counted by segments."""
    place = (source_of(kind, event), event.event_id, occurred_at, ingested_at)
    yield from claims(rules, event.properties, *place)
    if rules.counted:
        yield from counting(counted(rules, kind, event), *place)


def profile_key(tenant: str, identifier: Identifier) -> bytes:
    """The key of an identifier's registers."""
    return tenant_prefix(REGISTERS, tenant) + identifier_digest(identifier)


def encode_registers(registers: Registers) -> bytes:
    """See above."""
    return _encode(list(registers.items()))


def decode_registers(data: bytes) -> Registers:
    """What `encode_registers` wrote."""
    return dict(_decode(data))


def mark(registers: Registers) -> Registers:
    """Of registers what they say of an erasure."""
    return {ERASED: registers[ERASED]} if ERASED in registers else {}


def erased(registers: Registers, through: int) -> Registers:
    """Registers without what was taken in up to a moment (microseconds), and which say so."""
    told = mark(registers).get(ERASED, ())
    until = max(through, *(claim.at for claim in told)) if told else through
    return _after(registers, until) | {ERASED: (Claim(until, "", "", "", until),)}


def beneath(registers: Registers, above: Registers) -> Registers:
    """Of registers what counts where `above` are those of Redis."""
    return _after(registers, above[ERASED][0].at) if ERASED in above else registers


def _after(registers: Registers, moment: int) -> dict[str, tuple[Claim, ...]]:
    some = {
        name: tuple(claim for claim in claims if claim.ingested_at > moment)
        for name, claims in registers.items()
    }
    return {name: claims for name, claims in some.items() if claims}
