"""Who was it on that day? What the generation of then says.

A generation is kept as it was published, and holds all events up to its `as_of`. So a moment is answered by
the newest one that holds nothing later. What the stream saw between that generation and the moment is not in
the answer, and says so: `through` is how far it goes. How far back this reaches is how long generations are
kept; without any that is old enough there is no answer, rather than a wrong one.
"""

from collections.abc import Generator
from typing import Any, TypeVar

from schemas.errors import SchemaError
from schemas.generation import Offsets
from serving_layer.asking import asked
from serving_layer.generations import Generations, Standing
from serving_layer.reading import Below, Freshness

Result = TypeVar("Result")


class NotCovered(SchemaError):
    """No generation that was kept is as old as that."""


def standing_at(generations: Generations, moment: int) -> Standing:
    """The newest generation that holds nothing later than `moment` (microseconds). Raises NotCovered."""
    standing = generations.until(moment)
    if standing is None:
        raise NotCovered("no generation that was kept is as old as that moment: ask about a later one")
    return standing


def answered(standing: Standing, question: Generator[Any, Any, Result]) -> Result:
    """The answer to a lookup by one generation alone."""
    manifest = standing.generation.manifest
    freshness = Freshness(standing.number, manifest.as_of, False, _flat(manifest.offsets))
    return asked(question, lambda look: Below(standing, look).alone()._replace(freshness=freshness))


def _flat(offsets: Offsets) -> tuple[tuple[str, int], ...]:
    return tuple(
        sorted((f"{topic}:{n}", offset) for topic, some in offsets.items() for n, offset in some.items())
    )
