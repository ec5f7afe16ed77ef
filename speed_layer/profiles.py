"""What is claimed of identifiers, into the view: registers merge, so order does not matter.

Redis holds what was claimed since the generation's cut-off and no more; who reads merges it with what the
generation has. Claims know nothing of customers, so they wait for no decision.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, cast

from redis import Redis

from identity import Identifier, Rules
from identity.profile import Claim, Registers, merged
from schemas import claims, overlay
from schemas.claims import decode_registers, encode_registers, profile_key
from speed_layer.contention import attempts
from speed_layer.errors import LostView
from speed_layer.view import ViewState, script

# Registers in one call: each is read, compared and written, about a millisecond of Redis together.
TOGETHER: Final = 200

Claims = Mapping[Identifier, Mapping[str, Sequence[Claim]]]


class Profiles:
    """Writes registers to the view on a generation."""

    def __init__(self, redis: Redis, generation: int, state: ViewState, rules: Rules) -> None:
        self._redis = redis
        self._state = state
        self._rules = rules
        self._epoch = overlay.epoch_key(generation)
        self._prefix = overlay.view_prefix(generation)
        self._claim = script(redis, "claim.lua")

    def write(self, tenant: str, said: Claims) -> None:
        """Add what is claimed of a tenant's identifiers. Raises LostView, and Contention."""
        new = {
            self._prefix + profile_key(tenant, x): {name: tuple(some) for name, some in by_name.items()}
            for x, by_name in said.items()
        }

        def added(key: bytes, known: Registers) -> Registers:
            # Another worker may have heard of an erasure that is newer than what we say.
            return {**claims.mark(known), **merged(self._rules, known, claims.beneath(new[key], known))}

        self._change(list(new), added)

    def erase(self, tenant: str, erased: Mapping[Identifier, int]) -> None:
        """Forget what was claimed of identifiers up to the moment that each is erased. Raises as `write`.

        What the generation knows of them is masked, for who comes again hears of nothing from before.
        """
        if not self._rules.registers:
            return
        through = {self._prefix + profile_key(tenant, x): moment for x, moment in erased.items()}
        self._change(list(through), lambda key, known: claims.erased(known, through[key]))

    def _change(self, rest: list[bytes], changed: Callable[[bytes, Registers], Registers]) -> None:
        for _ in attempts("registers"):
            rest = [key for keys in _chunks(rest) for key in self._try(keys, changed)]
            if not rest:
                return

    def _try(self, keys: list[bytes], changed: Callable[[bytes, Registers], Registers]) -> list[bytes]:
        """Change what stands under some keys; returns those that met a conflict."""
        known = cast("list[bytes | None]", self._redis.mget(keys))
        arguments: list[Any] = [self._state.epoch]
        written = []
        for key, old in zip(keys, known, strict=True):
            before = decode_registers(old) if old else {}
            after = changed(key, before)
            if after != before:
                written.append(key)
                arguments += [old or b"", encode_registers(after)]
        if not written:
            return []
        reply = self._claim(keys=[self._epoch, *written], args=arguments)
        if reply == b"epoch":
            raise LostView("the view is gone from Redis")
        return [written[place - 1] for place in reply]


def _chunks(keys: list[bytes]) -> Iterator[list[bytes]]:
    rest = iter(keys)
    while some := list(islice(rest, TOGETHER)):
        yield some
