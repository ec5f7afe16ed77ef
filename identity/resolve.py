"""`resolve`: facts and rules in, customers out. A pure function, linear in the facts but for sorting."""

from collections.abc import Iterator
from dataclasses import dataclass

from identity.facts import PAST, Facts, Link, Verdict
from identity.identifier import Identifier
from identity.join import Refused, join
from identity.name import NOTHING_PUBLISHED, Customer, Minted, Minter, Named, Published, name
from identity.own import kept, not_kept
from identity.rules import Rules
from identity.screen import counting, identifier_fault, link_fault

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
    links, quarantined = _screen(facts, rules, as_of)
    live, rejected = _own(facts, links, quarantined, rules, as_of)
    apart = _apart(facts)
    groups = []
    for members in components(live):
        inside = [((a, b), link) for a in members for b, link in live[a].items() if a < b]
        foes = [(a, b) for a in members if a in apart for b in apart[a] if a < b and b in members]
        customers, refused = join(members, inside, foes, rules)
        groups += customers
        rejected += refused
    named = name(groups, facts.seen, rules, minter, published)
    return Resolution(sorted(named.customers), sorted(rejected), quarantined, named.minted)


def _screen(facts: Facts, rules: Rules, as_of: int | None) -> tuple[Adjacency, dict[Identifier, str]]:
    """The links that count, from both ends, and who drops out."""
    near: Adjacency = {identifier: {} for identifier in facts.seen}
    for (a, b), link in facts.links.items():
        near[a][b] = near[b][a] = link
    links: Adjacency = {x: counting(x, others, rules, as_of) for x, others in near.items()}
    for x, at in facts.erased.items():
        # The erased leave first: nobody is hot on their account.
        if x in links and facts.seen[x].first_ingested <= at:
            for other in links[x]:
                del links[other][x]
            links[x] = {}
    quarantined = dict(facts.quarantined)
    for x, seen in facts.seen.items():
        fault = identifier_fault(x, seen, links[x], rules, as_of, facts.erased.get(x, PAST))
        if fault is not None:
            quarantined[x] = fault
    return links, quarantined


def _own(
    facts: Facts, links: Adjacency, quarantined: dict[Identifier, str], rules: Rules, as_of: int | None
) -> tuple[Adjacency, list[Refused]]:
    """The live links, from both ends, and those that an end does not keep or that do not count."""
    keeps: dict[Identifier, set[Identifier]] = {}
    for x in facts.seen:
        if x not in quarantined:
            candidates = {other: link for other, link in links[x].items() if other not in quarantined}
            keeps[x] = kept(x, candidates, rules)
    live: Adjacency = {x: {} for x in keeps}
    rejected = []
    for (a, b), link in facts.links.items():
        if a in quarantined or b in quarantined:
            continue
        fault = link_fault(link, rules.between(a.type, b.type), as_of)
        if fault is not None:
            rejected.append(Refused(a, b, fault))
        elif b not in keeps[a]:
            rejected.append(Refused(a, b, not_kept(a, b, rules)))
        elif a not in keeps[b]:
            rejected.append(Refused(a, b, not_kept(b, a, rules)))
        else:
            live[a][b] = live[b][a] = link
    return live, rejected


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


def _apart(facts: Facts) -> dict[Identifier, set[Identifier]]:
    result: dict[Identifier, set[Identifier]] = {}
    for (a, b), link in facts.links.items():
        if link.verdict == Verdict.CANNOT:
            result.setdefault(a, set()).add(b)
            result.setdefault(b, set()).add(a)
    return result
