"""Step 3, join: the live links of one component, strongest first, unless a limit is broken.

Kruskal's algorithm with union by size (Tarjan, 1975) in which a union may be refused. A group only
ever grows, so a refusal never needs a second look: one pass is enough. Costs O(n log n) for the sort
of n links and, for each union, the number of types.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from identity.facts import Link
from identity.identifier import Identifier, Pair, pair
from identity.own import age_key
from identity.rules import Rules


class Refused(NamedTuple):
    """A link that did not join its ends, and the rule that refused it."""

    a: Identifier
    b: Identifier
    reason: str


_NOBODY: frozenset[Identifier] = frozenset()


class Mass(NamedTuple):
    """All of a group that can stand against a union: how many values of each type it has, and its foes."""

    counts: Mapping[str, int]
    foes: frozenset[Identifier]

    def covers(self, other: "Mass") -> bool:
        """Whether whoever was refused by a group of the other mass is refused by one of this."""
        counts = self.counts
        for type_, count in other.counts.items():
            if counts.get(type_, 0) < count:
                return False
        return self.foes >= other.foes

    def has_room(self, company: Iterable[Identifier], rules: Rules) -> bool:
        """Whether the group may have so many more of each type; nobody's foes are asked."""
        counts = dict(self.counts)
        for x in company:
            counts[x.type] = count = counts.get(x.type, 0) + 1
            if count > rules.types[x.type].max:
                return False
        return True


def join(
    members: Collection[Identifier], links: Collection[tuple[Pair, Link]], apart: Iterable[Pair], rules: Rules
) -> tuple[list[list[Identifier]], list[Refused]]:
    """Split one component into customers.

    `members` hang together by `links` (the live ones); `apart` are pairs with a cannot-link. Returns
    the groups, each sorted and in the order of their first members, and the refused links.
    """
    apart = list(apart)
    if not apart and all(
        count <= rules.types[type_].max for type_, count in Counter(m.type for m in members).items()
    ):
        # Nothing can be refused, whatever the order. That is nearly every component.
        return [sorted(members)], []
    groups = _Groups(members, apart, rules)
    refused = []
    for (a, b), _ in sorted(links, key=lambda entry: order(entry[0], entry[1], rules)):
        reason = groups.unite(a, b)
        if reason is not None:
            refused.append(Refused(a, b, reason))
    return groups.result(), refused


def weigh(
    members: Collection[Identifier],
    links: Collection[tuple[Pair, Link]],
    apart: Iterable[Pair],
    leaving: Collection[tuple[Pair, Link]],
    rules: Rules,
) -> tuple[list[list[Identifier]], dict[Pair, Mass]]:
    """Join, and see what each of `leaving`, links from a member to someone else, meets at its turn.

    `members` need not hang together, and of the pairs `apart` one need not be among them. Returns the
    groups, and the mass of a leaving link's group at the moment when the link is looked at.
    """
    groups = _Groups(members, apart, rules)
    steps = [(order(ends, link, rules), ends, False) for ends, link in links]
    steps += [(order(pair(*ends), link, rules), ends, True) for ends, link in leaving]
    masses = {}
    for _, ends, leaves in sorted(steps):
        if leaves:
            masses[ends] = groups.mass(ends[0])
        else:
            groups.unite(*ends)
    return groups.result(), masses


def refusal(
    one: Sequence[Identifier], other: Sequence[Identifier], apart: Iterable[Pair], rules: Rules
) -> str | None:
    """The rule that two customers would break as one; None if there is none."""
    groups = _Groups([*one, *other], apart, rules)
    for first, *others in (one, other):
        for member in others:
            groups.unite(first, member)
    return groups.unite(one[0], other[0])


def order(ends: Pair, link: Link, rules: Rules) -> tuple[int, bool, int, Pair]:
    """The order in which links are taken: strongest first, and total."""
    rule = rules.between(ends[0][0], ends[1][0])
    must, age = age_key(link, oldest=rule.oldest)
    return rule.rank, must, age, ends


class _Groups:
    """Disjoint sets that know how many values of each type they hold, and whom they must not meet."""

    def __init__(self, members: Iterable[Identifier], apart: Iterable[Pair], rules: Rules) -> None:
        self._rules = rules
        self._parent = {member: member for member in members}
        self._size = dict.fromkeys(self._parent, 1)
        self._count: dict[Identifier, dict[str, int]] = {m: {m.type: 1} for m in self._parent}
        self._apart: dict[Identifier, set[Identifier]] = {}
        for a, b in apart:
            self._apart.setdefault(a, set()).add(b)
            self._apart.setdefault(b, set()).add(a)

    def _find(self, member: Identifier) -> Identifier:
        parent = self._parent
        while parent[member] != member:
            parent[member] = member = parent[parent[member]]  # path halving
        return member

    def unite(self, a: Identifier, b: Identifier) -> str | None:
        """Join the groups of a and b, or say which rule forbids it."""
        big, small = self._find(a), self._find(b)
        if big == small:
            return None
        if self._size[big] < self._size[small]:
            big, small = small, big
        reason = self._conflict(big, small)
        if reason is None:
            self._parent[small] = big
            self._size[big] += self._size.pop(small)
            counts = self._count[big]
            for type_, count in self._count.pop(small).items():
                counts[type_] = counts.get(type_, 0) + count
            foes = self._apart.pop(small, None)
            if foes:
                mine = self._apart.setdefault(big, foes)
                if len(mine) < len(foes):
                    mine, foes = foes, mine
                    self._apart[big] = mine
                mine |= foes
        return reason

    def _conflict(self, big: Identifier, small: Identifier) -> str | None:
        counts = self._count[big]
        for type_, count in self._count[small].items():
            limit = self._rules.types[type_].max
            if counts.get(type_, 0) + count > limit:
                return f"max: one customer would have more than {limit} {type_}"
        if not self._apart:
            return None
        # Kept on both sides, so the shorter list tells as much as the longer.
        sides = [(small, big), (big, small)]
        one, other = min(sides, key=lambda side: len(self._apart.get(side[0], ())))
        if any(foe in self._parent and self._find(foe) == other for foe in self._apart.get(one, ())):
            return "decided: a steward keeps two identifiers of these customers apart"
        return None

    def mass(self, member: Identifier) -> Mass:
        """What the group of a member brings against a union."""
        root = self._find(member)
        return Mass(dict(self._count[root]), frozenset(self._apart.get(root, ())) if self._apart else _NOBODY)

    def result(self) -> list[list[Identifier]]:
        groups: dict[Identifier, list[Identifier]] = {}
        for member in sorted(self._parent):
            groups.setdefault(self._find(member), []).append(member)
        return list(groups.values())
