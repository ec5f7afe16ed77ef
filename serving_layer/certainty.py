"""How sure is an answer? The certainty of the surest path to what is strongest of the customer.

The rules give each type a certainty: how surely one of its values stands for one person. A path from the
identifier that was asked for leads over links that live to an identifier of the strongest type that the
customer has; it is as sure as all identifiers on it together, the product of their certainties, both ends
included. Of several paths the surest counts (the most reliable path: Dijkstra's algorithm, 1959, on
products). Whoever is of the strongest type is as sure as its own type.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from identity import Identifier, Rules

Member = Sequence[str]
Links = Mapping[Identifier, Iterable[Member]]


def strongest(members: Iterable[Member], rules: Rules) -> int:
    """The rank of the strongest type among some identifiers."""
    types = rules.types
    return min(types[type_].rank for type_ in {member[0] for member in members})


def at_once(x: Identifier, rank: int, linked: Iterable[Member], rules: Rules) -> float | None:
    """The certainty of x, where it is of the strongest rank or linked to one that is; else None.

    `linked` are the other ends of its links that live, all of its own customer. No longer path is surer:
    each identifier more can only take away.
    """
    types = rules.types
    mine = types[x.type]
    if mine.rank == rank:
        return mine.certainty
    return max(
        (mine.certainty * types[type_].certainty for type_, *_ in linked if types[type_].rank == rank),
        default=None,
    )


def surest_path(x: Identifier, rank: int, links: Links, rules: Rules) -> list[Identifier]:
    """The surest path from x to an identifier of that rank, both included; empty where there is none.

    `links` are, for each identifier of the customer, the other ends of its links that live. O(n log n) for
    n links.
    """
    types = rules.types
    before: dict[Identifier, Identifier | None] = {}
    heap: list[tuple[float, Identifier, Identifier | None]] = [(-types[x.type].certainty, x, None)]
    while heap:
        sure, y, came_from = heappop(heap)
        if y in before:
            continue
        before[y] = came_from
        if types[y.type].rank == rank:
            return _back(y, before)
        for end in links.get(y, ()):
            z = Identifier(end[0], end[1])
            if z not in before:
                heappush(heap, (sure * types[z.type].certainty, z, y))
    return []


def along(path: Iterable[Identifier], rules: Rules) -> float | None:
    """How sure a path is; None where there is none."""
    sure: float | None = None
    for step in path:
        sure = (1.0 if sure is None else sure) * rules.types[step.type].certainty
    return sure


def _back(y: Identifier, before: Mapping[Identifier, Identifier | None]) -> list[Identifier]:
    path: list[Identifier] = []
    step: Identifier | None = y
    while step is not None:
        path.append(step)
        step = before[step]
    return path[::-1]
