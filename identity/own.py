"""Step 2, own: of the links that count, which does an identifier keep?

A link lives only if both its ends keep it. After this step no identifier has more than `max` links to
any type, so what hangs together is small, however crowded the facts are.
"""

from collections.abc import Mapping
from heapq import nsmallest
from types import MappingProxyType
from typing import Any

from identity import staleness
from identity.facts import Link, Verdict
from identity.identifier import Identifier
from identity.rules import PairRule, Rules


def age_key(link: Link, *, oldest: bool) -> tuple[bool, int]:
    """Orders links: must-links first, then the newest (or the oldest)."""
    return (link.verdict != Verdict.MUST, link.first_seen if oldest else -link.last_seen)


def kept(
    identifier: Identifier,
    links: Mapping[Identifier, Link],
    rules: Rules,
    behind: Mapping[str, int] = MappingProxyType({}),
) -> set[Identifier]:
    """The other ends that `identifier` keeps; `links` count, lead to identifiers still in, and may be kept.

    Per type at the other end: its `max` newest (or oldest) links; none where the identifier's own type
    says `nobody` and more values than that claim it. `behind` says how many more links to a type there
    are; those stand behind more of `links` than are kept.
    """
    by_type: dict[str, list[Identifier]] = {}
    for other in links:
        by_type.setdefault(other.type, []).append(other)
    result: set[Identifier] = set()
    for type_, others in by_type.items():
        rule = rules.between(identifier.type, type_)
        if len(others) + behind.get(type_, 0) <= rule.keep:
            result.update(others)
        elif not rule.contested:
            result.update(nsmallest(rule.keep, others, key=_order(links, rule)))
    return result


def _order(links: Mapping[Identifier, Link], rule: PairRule) -> Any:  # noqa: ANN401 - a sort key
    return lambda other: (*age_key(links[other], oldest=rule.oldest), other)


def not_kept(by: Identifier, other: Identifier, link: Link, stale: int | None, rules: Rules) -> str:
    """The reason for a link that `by`, stale since then or not at all, does not keep."""
    if not staleness.may_keep(link, stale):
        return staleness.not_kept(by, stale)
    rule = rules.between(by.type, other.type)
    if rule.contested:
        return f"shared: more than {rule.keep} {other.type} claim this {by.type}, it goes to nobody"
    order = "oldest" if rule.oldest else "newest"
    return f"shared: a {by.type} keeps its {order} {rule.keep} {other.type} only"
