"""Near and far: which links a node's record holds itself.

A shared device meets a hundred thousand logins, a bot's login a million cookies. Step 2 keeps `max` of them
per type, and all that the rest can do is to count (hot, `nobody`), to be seen again, or to move up once
something kept is gone. So a crowded node holds near what it keeps and a reserve, and of the rest only
numbers; each far link is a record of its own, found by its two ends, and loaded when an event names it.

What holds of every node between two updates:

1. A link that a steward decided upon, and one that the node keeps, is near.
2. Of the links to one type that count, lead to an identifier that is in, and that the node may keep if it is
   stale (the candidates), no far one comes before a near one in the order of step 2; `Far.best` is a bound
   for the far ones.
3. A node that lacks a near candidate it would keep has no far one.

All far links are loaded at once only where 3 would break (the reserve is used up), where a node turns stale
or revives, and where it is shut or comes back, which other ends must be told. An identifier that expired, or
comes back from that, need not tell: none of its links counts before it is seen again.
"""

from collections import defaultdict
from collections.abc import Mapping

from identity.facts import PAST, Link, Verdict
from identity.graph import Edge, Far, Node
from identity.identifier import Identifier
from identity.own import age_key
from identity.rules import PairRule, Rules
from identity.screen import link_fault
from identity.staleness import may_keep

# Links to one type that may stay near beyond those kept: half of it is the reserve, the rest lets links go
# far many at a time. A record of so many takes about three kilobytes.
SPARE = 32

Place = tuple[int, Identifier]


def pull(node: Node, other: Identifier, edge: Edge, rules: Rules, as_of: int | None) -> None:
    """Take a far link near; `edge` is its record."""
    far = node.far[other.type]
    counts, candidate = _standing(node, edge, rules.between(node.identifier.type, other.type), as_of)
    candidates = far.candidates - candidate
    left = Far(far.links - 1, far.counting - counts, candidates, far.best if candidates else None)
    if left.links:
        node.far[other.type] = left
    else:
        del node.far[other.type]
    node.edges[other] = edge


def push(node: Node, rules: Rules, as_of: int | None) -> dict[Identifier, Edge]:
    """Let links go far, so that the above holds and the record stays small; returns these."""
    if not node.far and len(node.edges) <= SPARE:
        return {}
    by_type: defaultdict[str, list[Identifier]] = defaultdict(list)
    for other, edge in node.edges.items():
        if edge.link.decided_at == PAST:
            by_type[other.type].append(other)
    return {
        other: node.edges.pop(other)
        for type_, others in by_type.items()
        for other in _push(node, type_, others, rules, as_of)
    }


def _push(
    node: Node, type_: str, others: list[Identifier], rules: Rules, as_of: int | None
) -> list[Identifier]:
    rule = rules.between(node.identifier.type, type_)
    far = node.far.get(type_)
    if far is None and len(others) <= SPARE:
        return []
    candidates = [] if node.shut else [z for z in others if _standing(node, node.edges[z], rule, as_of)[1]]
    best = None if node.shut or far is None else far.best
    near, behind = _divided(node, candidates, rule, best)
    keep = 0 if node.shut else rule.keep
    idle: list[Identifier] = []
    if len(others) - len(behind) > keep + SPARE:
        idle = list(set(others).difference(candidates))
        if len(near) > keep + SPARE:
            near.sort(key=lambda z: _place(z, node.edges[z].link, rule))
            cut = keep + SPARE // 2
            best = _place(near[cut], node.edges[near[cut]].link, rule)
            behind += near[cut:]
    gone = behind + idle
    if gone:
        standing = [_standing(node, node.edges[z], rule, as_of) for z in gone]
        links, counting, waiting, _ = far or Far(0, 0, 0)
        node.far[type_] = Far(
            links + len(gone),
            counting + sum(c for c, _ in standing),
            waiting + sum(c for _, c in standing),
            best,
        )
    return gone


def is_short(node: Node, candidates: Mapping[Identifier, Link], rules: Rules) -> bool:
    """Whether a node, not shut, needs far links near to know what it keeps; `candidates` are near."""
    for type_, far in node.far.items():
        if not far.candidates:
            continue
        rule = rules.between(node.identifier.type, type_)
        mine = [z for z in candidates if z.type == type_]
        if rule.contested and len(mine) + far.candidates > rule.keep:
            continue  # it keeps none of them
        # A must-link comes before all. Another decision keeps a link near, but moves it nowhere.
        placed = [z for z in mine if candidates[z].verdict != Verdict.MUST]
        _, behind = _divided(node, placed, rule, far.best)
        if len(mine) - len(behind) < rule.keep:
            return True
    return False


def _divided(
    node: Node, candidates: list[Identifier], rule: PairRule, best: Place | None
) -> tuple[list[Identifier], list[Identifier]]:
    """Those that come before any far candidate, and those that may not."""
    if best is None:
        return candidates, []
    near: list[Identifier] = []
    behind: list[Identifier] = []
    for z in candidates:
        (near if _place(z, node.edges[z].link, rule) < best else behind).append(z)
    return near, behind


def _standing(node: Node, edge: Edge, rule: PairRule, as_of: int | None) -> tuple[bool, bool]:
    """Whether a link of a node counts, and whether it is a candidate."""
    counts = link_fault(edge.link, rule, as_of) is None
    return counts, counts and not edge.out and may_keep(edge.link, node.stale)


def _place(other: Identifier, link: Link, rule: PairRule) -> Place:
    """The order of step 2 among links that nobody decided upon."""
    return (age_key(link, oldest=rule.oldest)[1], other)
