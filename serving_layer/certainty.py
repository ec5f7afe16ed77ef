"""How sure is an answer? The certainty of the surest path to what is strongest of the customer.

The rules give each type a certainty: how surely one of its values stands for one person. A path from the
identifier that was asked for leads over links that live to an identifier of the strongest type that the
customer has; it is as sure as all identifiers on it together, the product of their certainties, both ends
included. Of several paths the surest counts (the most reliable path: Dijkstra's algorithm, 1959, on
products). Whoever is of the strongest type is as sure as its own type. If the identifier that was asked for
is stale (`identity.staleness`), the answer is less sure by the factor that the rules give.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from math import prod
from typing import Any

from identity import Identifier
from serving_layer.generations import Standing

Member = Sequence[str]
Links = Mapping[Identifier, Iterable[Member]]


def at_once(
    x: Identifier, rank: int, ends: Iterable[Any], members: Sequence[Any], standing: Standing
) -> float | None:
    """The certainty of x, which is not of that rank itself, where it is linked to one that is; else None.

    `ends` are those of its links that live; one that leads to none of `members` was refused. No longer path
    is surer: each identifier more can only take away.
    """
    ranks, certainties = standing.ranks, standing.certainties
    best = -1.0
    for end in ends:
        if ranks[end[0]] == rank and end[:2] in members:
            best = max(best, certainties[end[0]])
    return None if best < 0 else certainties[x[0]] * best


def surest_path(
    x: Identifier, is_end: Callable[[Identifier], bool], links: Links, standing: Standing
) -> list[Identifier]:
    """The surest path from x to an identifier that is an end, both included; empty where there is none.

    `links` are, for each identifier of the customer, the other ends of its links that live. O(n log n) for
    n links.
    """
    certainties = standing.certainties
    before: dict[Identifier, Identifier | None] = {}
    # What comes out first is the surest; of two that are as sure, the shorter.
    heap: list[tuple[float, int, Identifier, Identifier | None]] = [(-certainties[x.type], 1, x, None)]
    while heap:
        sure, steps, y, came_from = heappop(heap)
        if y in before:
            continue
        before[y] = came_from
        if is_end(y):
            return _back(y, before)
        for end in links.get(y, ()):
            z = Identifier(end[0], end[1])
            if z not in before:
                heappush(heap, (sure * certainties[z.type], steps + 1, z, y))
    return []


def along(path: Iterable[Identifier], standing: Standing) -> float | None:
    """How sure a path is; None where there is none."""
    certainties = [standing.certainties[step.type] for step in path]
    return prod(certainties) if certainties else None


def _back(y: Identifier, before: Mapping[Identifier, Identifier | None]) -> list[Identifier]:
    path: list[Identifier] = []
    step: Identifier | None = y
    while step is not None:
        path.append(step)
        step = before[step]
    return path[::-1]
