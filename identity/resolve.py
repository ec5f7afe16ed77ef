"""`resolve`: facts and rules in, customers out. A pure function, linear in the facts but for sorting."""

from collections.abc import Iterator
from dataclasses import dataclass

from identity import staleness
from identity.facts import PAST, Facts, Link, Verdict
from identity.identifier import Identifier, pair
from identity.join import Refused, join
from identity.name import NOTHING_PUBLISHED, Customer, Minted, Minter, Named, Published, name
from identity.own import kept, not_kept
from identity.rules import Rules
from identity.screen import identifier_fault, link_fault

Adjacency = dict[Identifier, dict[Identifier, Link]]


@dataclass(frozen=True)
class Resolution:
    """Customers, sorted by id; refused links, sorted; quarantined identifiers and why."""

    customers: list[Customer]
    rejected: list[Refused]
    quarantined: dict[Identifier, str]
    minted: dict[str, Minted]

    def publish(self, before: Published = NOTHING_PUBLISHED) -> Published:
        """What the generation that publishes this resolution hands to the next."""
        return Named(self.customers, self.minted).publish(before)


def resolve(
    facts: Facts,
    rules: Rules,
    *,
    minter: Minter,
    as_of: int | None = None,
    published: Published = NOTHING_PUBLISHED,
) -> Resolution:
    """Decide who is who.

    `as_of` (microseconds) is the moment at which `max_age` is judged; None lets nothing expire.
    `published` is what the last generation handed on, for ids to stay the same.
    """
    links, rejected, apart = _adjacency(facts, rules, as_of)
    quarantined = _screen(facts, links, rules, as_of)
    rejected = [link for link in rejected if link.a not in quarantined and link.b not in quarantined]
    rejected += _own(links, facts, rules)
    groups = []
    for members in components(links):
        inside = [((a, b), link) for a in members for b, link in links[a].items() if a < b]
        foes = [(a, b) for a in members if a in apart for b in apart[a] if a < b and b in members]
        customers, refused = join(members, inside, foes, rules)
        groups += customers
        rejected += refused
    named = name(groups, facts.seen, rules, minter, published)
    return Resolution(sorted(named.customers), sorted(rejected), quarantined, named.minted)


def _adjacency(
    facts: Facts, rules: Rules, as_of: int | None
) -> tuple[Adjacency, list[Refused], dict[Identifier, set[Identifier]]]:
    """The links that count, from both ends; those that do not; and who is to be kept apart from whom."""
    links: Adjacency = {x: {} for x in facts.seen}
    void = []
    apart: dict[Identifier, set[Identifier]] = {}
    for (a, b), link in facts.links.items():
        fault = link_fault(link, rules.between(a.type, b.type), as_of)
        if fault is None:
            links[a][b] = links[b][a] = link
            continue
        void.append(Refused(a, b, fault))
        if link.verdict == Verdict.CANNOT:
            apart.setdefault(a, set()).add(b)
            apart.setdefault(b, set()).add(a)
    return links, void, apart


def _screen(facts: Facts, links: Adjacency, rules: Rules, as_of: int | None) -> dict[Identifier, str]:
    """Take those who drop out from `links`; returns them and why."""
    quarantined = dict(facts.quarantined)
    for x, at in facts.erased.items():
        # The erased leave first: nobody is hot on their account.
        if x in links and facts.seen[x].first_ingested <= at:
            for other in links[x]:
                del links[other][x]
            links[x] = {}
    for x, seen in facts.seen.items():
        fault = identifier_fault(x, seen, links[x], rules, as_of, facts.erased.get(x, PAST))
        if fault is not None:
            quarantined[x] = fault
    for x in quarantined:
        for other in links.pop(x, ()):
            if other in links:
                del links[other][x]
    return quarantined


def _own(links: Adjacency, facts: Facts, rules: Rules) -> list[Refused]:
    """Take the links that an end does not keep from `links`; returns them."""
    stale = {x: staleness.since(x, signs, rules) for x, signs in facts.signs.items()}
    dropped: dict[Identifier, set[Identifier]] = {}
    for x, near in links.items():
        since = stale.get(x)
        if since is None and len(near) <= 1:
            continue  # a single link is within any limit; most identifiers drop nothing
        keeps = kept(x, staleness.may_be_kept(near, since), rules)
        if len(keeps) < len(near):
            dropped[x] = near.keys() - keeps
    rejected = []
    for x, others in dropped.items():
        for y in others:
            link = links[x].pop(y, None)
            if link is None:
                continue  # the other end did not keep it either, and said so
            del links[y][x]
            a, b = pair(x, y)
            by, other = (a, b) if b in dropped.get(a, ()) else (b, a)
            rejected.append(Refused(a, b, not_kept(by, other, link, stale.get(by), rules)))
    return rejected


def components(adjacency: Adjacency) -> Iterator[set[Identifier]]:
    """The connected components, by breadth-first search."""
    seen: set[Identifier] = set()
    for start in adjacency:
        if start in seen:
            continue
        members, frontier = {start}, [start]
        while frontier:
            frontier = list({y for x in frontier for y in adjacency[x]} - members)
            members.update(frontier)
        seen |= members
        yield members
