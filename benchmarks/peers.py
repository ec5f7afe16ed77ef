"""What the engine is held against: the least that anybody must do who groups identifiers."""

from collections.abc import Iterable

from identity import Identifier, Pair


def union_find(links: Iterable[Pair]) -> int:
    """The number of groups that hang together by any links, by a bare disjoint-set forest.

    No rules, no limits, no times, no names, no incremental change: a lower limit in plain Python.
    """
    parent: dict[Identifier, Identifier] = {}

    def find(x: Identifier) -> Identifier:
        while (above := parent[x]) != x:
            parent[x] = x = parent[above]
        return x

    groups = 0
    for a, b in links:
        for x in (a, b):
            if x not in parent:
                parent[x] = x
                groups += 1
        one, other = find(a), find(b)
        if one != other:
            parent[one] = other
            groups -= 1
    return groups
