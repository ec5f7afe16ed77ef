"""Questions that were asked before, byte for byte.

Who comes again asks in the same words, so most questions need not even be read: what they come to is found by
their bytes, and holds for as long as all that it rests on is as it was (`serving_layer.remembered`).
"""

from typing import Final

from serving_layer.memory import Memory
from serving_layer.questions import Answer
from serving_layer.reading import Look

# Questions that are kept, at most, about half a kilobyte each beside the answers; and of how many
# identifiers each.
MOST: Final = 200_000
MOST_IDENTIFIERS: Final = 8


class Repeat:
    """What a question came to on a generation: what to look at, and what is found there if it still holds.

    `results` is the answers' JSON, `ids` are the customers that are told of.
    """

    __slots__ = ("count", "generation", "ids", "look", "results", "values")

    def __init__(self, answer: Answer, results: bytes) -> None:
        found = answer.found
        self.generation = answer.freshness.generation
        self.look = Look((), [key for outcome in found for key in outcome.rests.keys])
        self.values = [value for outcome in found for value in outcome.rests.values]
        self.count = len(found)
        self.ids = answer.ids
        self.results = results


def may_repeat(answer: Answer) -> bool:
    """Whether an answer is one to remember."""
    found = answer.found
    return 0 < len(found) <= MOST_IDENTIFIERS and all(outcome.rests.keys for outcome in found)


class Repeated(Memory[tuple[str, bool, bytes], Repeat]):
    """By tenant, whether the caller may see identifiers, and a question's bytes."""

    def __init__(self, most: int = MOST) -> None:
        super().__init__(most)
