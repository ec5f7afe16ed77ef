"""Which segments count a plain event: remembered by what it says in the fields that they ask for."""

from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Final

from identity import Rules
from identity.conditions import PROPERTIES
from schemas.plain_event import Plain

# Different things that events say, such as pages, of which it is remembered who counts them.
REMEMBERED: Final = 1 << 16


class Counting:
    """Counts plain events without properties, of one kind, `web` or `email`."""

    def __init__(self, rules: Rules, kind: str) -> None:
        self._asked = [
            (counted.register, said.fields)
            for counted in rules.counted
            for said in counted.said
            if said.kind == kind and not any(field.startswith(PROPERTIES) for field in said.fields)
        ]
        # Two at least, so that what is said in them is a tuple.
        fields = sorted({field for _, asked in self._asked for field in asked}) or ["event_id"]
        self._fields = (*fields, fields[0])
        self._said = attrgetter(*self._fields)
        self._met = lru_cache(maxsize=REMEMBERED)(self._registers)

    def __bool__(self) -> bool:
        return bool(self._asked)

    def registers(self, events: Iterable[Plain]) -> list[list[str]]:
        """The registers that each event counts in."""
        return [*map(self._met, map(self._said, events))]

    def _registers(self, texts: tuple[str, ...]) -> list[str]:
        said = dict(zip(self._fields, texts, strict=True))
        met = (
            register
            for register, fields in self._asked
            if all(said[field] in wanted for field, wanted in fields.items())
        )
        return list(dict.fromkeys(met))
