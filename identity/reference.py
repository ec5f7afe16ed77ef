"""The slow, obvious reference: the four steps as the design words them, and nothing clever.

Quadratic and worse. It shares with the fast code only value types and the two leaf predicates that
say whether a link counts and whether an identifier drops out; the fast engines are held against it.
"""

from collections.abc import Collection, Sequence

from identity.consent import Permission, Standing, Statement
from identity.facts import FUTURE, NO_SIGNS, PAST, Facts, Link, Verdict
from identity.identifier import Identifier, Pair
from identity.name import NOTHING_PUBLISHED, Minter, Published, keeper_key
from identity.rules import Rules
from identity.screen import identifier_fault, link_fault


def partition(  # noqa: C901 - in one piece, as the design words it
    facts: Facts, rules: Rules, as_of: int | None = None
) -> set[frozenset[Identifier]]:
    """Steps 1 to 3: the customers as sets of identifiers."""
    # 1. Screen.
    erased = {x for x, at in facts.erased.items() if x in facts.seen and facts.seen[x].first_ingested <= at}
    links = {
        (a, b): link
        for (a, b), link in facts.links.items()
        if a not in erased
        and b not in erased
        and link_fault(link, rules.between(a.type, b.type), as_of) is None
    }

    def neighbours(x: Identifier, within: dict[Pair, Link]) -> dict[Identifier, Link]:
        return {b if a == x else a: link for (a, b), link in within.items() if x in (a, b)}

    alive = {
        x
        for x, seen in facts.seen.items()
        if identifier_fault(x, seen, neighbours(x, links), rules, as_of, facts.erased.get(x, PAST)) is None
    }
    links = {ends: link for ends, link in links.items() if alive.issuperset(ends)}

    # 2. Own.
    def may_keep(x: Identifier, link: Link) -> bool:
        signs, rule = facts.signs.get(x, NO_SIGNS), rules.stale.get(x.type)
        if signs.word.objects:
            return False
        for kind, count in rule.after.items() if rule is not None else ():
            bounces = sorted(at for at, of in signs.failures if of == kind and at > signs.revived)
            enough = bounces[count - 1 : count]
            if enough and link.first_seen > enough[0] and link.verdict != Verdict.MUST:
                return False
        return True

    def keeps(x: Identifier, y: Identifier) -> bool:
        mine, other = rules.types[x.type], rules.types[y.type]
        near = {z: link for z, link in neighbours(x, links).items() if may_keep(x, link)}
        rivals = {z: link for z, link in near.items() if z.type == y.type}
        if mine.when_shared == "nobody" and other.rank < mine.rank and len(rivals) > other.max:
            return False
        weaker = max((mine, other), key=lambda rule: (rule.rank, rule.name))

        def order(z: Identifier) -> tuple[bool, int, Identifier]:
            link = rivals[z]
            age = link.first_seen if weaker.when_shared == "oldest" else -link.last_seen
            return (link.verdict != Verdict.MUST, age, z)

        return y in sorted(rivals, key=order)[: other.max]

    live = {(a, b): link for (a, b), link in links.items() if keeps(a, b) and keeps(b, a)}

    # 3. Join.
    def strongest_first(ends: Pair) -> tuple[int, bool, int, Pair]:
        weaker = max((rules.types[end.type] for end in ends), key=lambda rule: (rule.rank, rule.name))
        link = live[ends]
        age = link.first_seen if weaker.when_shared == "oldest" else -link.last_seen
        return (weaker.rank, link.verdict != Verdict.MUST, age, ends)

    customers = {frozenset({x}) for x in alive}
    for a, b in sorted(live, key=strongest_first):
        (one,) = (c for c in customers if a in c)
        (other,) = (c for c in customers if b in c)
        union = one | other
        breaks_max = any(sum(x.type == t for x in union) > rule.max for t, rule in rules.types.items())
        breaks_cannot = any(
            link.verdict == Verdict.CANNOT and union.issuperset(ends) for ends, link in facts.links.items()
        )
        if one != other and not breaks_max and not breaks_cannot:
            customers = (customers - {one, other}) | {union}
    return customers


def names(
    customers: set[frozenset[Identifier]],
    facts: Facts,
    rules: Rules,
    minter: Minter,
    published: Published = NOTHING_PUBLISHED,
) -> dict[str, frozenset[Identifier]]:
    """Step 4: the customers by id."""

    def first_ingested(x: Identifier) -> int:
        return facts.seen[x].first_ingested

    result = {}
    for members in customers:
        held = []
        for customer_id in published.ids:
            residents = [x for x, home in published.homes.items() if home == customer_id]
            live = [x for x in residents if any(x in customer for customer in customers)]
            live.sort(key=lambda x: keeper_key(x, first_ingested(x), rules))
            if live and live[0] in members:
                held.append(customer_id)
        if held:
            customer_id = min(held, key=lambda held_id: published.ids[held_id])
        else:
            anchor = min(members, key=lambda x: (first_ingested(x), x))
            counter = 0
            while (customer_id := minter.mint(anchor, first_ingested(anchor), counter)) in published.ids:
                counter += 1
        result[customer_id] = members
    return result


def permits(
    said: Sequence[tuple[Identifier, Permission, Statement]],
    members: Collection[Identifier],
    asked: Permission,
    at: int,
) -> Standing:
    """What a customer of these members permits, by all that was ever said, in any order."""
    words = []
    for member in members:
        holding = []
        for about in {permission for x, permission, _ in said if x == member}:
            last = _unbeaten([s for x, permission, s in said if (x, permission) == (member, about)])
            concerns = about.overlaps(asked) if last.withdrawn else about.covers(asked)
            holding += [last] if concerns else []
        words += [_unbeaten(holding)] if holding else []
    if any(word.withdrawn for word in words):
        return Standing("denied", "withdrawn")
    if not words:
        return Standing("unknown", "nothing_stated")
    newest = _unbeaten(words)
    if at >= newest.valid_until:
        return Standing("denied", "expired")
    if at < newest.valid_from:
        return Standing("denied", "not_yet", newest.valid_from)
    return Standing("allowed", "granted", newest.valid_until if newest.valid_until < FUTURE else None)


def _unbeaten(statements: list[Statement]) -> Statement:
    return next(s for s in statements if not any(_beats(other, s) for other in statements))


def _beats(one: Statement, other: Statement) -> bool:
    if one.at != other.at:
        return one.at > other.at
    if one.withdrawn != other.withdrawn:
        return one.withdrawn
    if one.valid_until != other.valid_until:
        return one.valid_until < other.valid_until
    return one.valid_from > other.valid_from
