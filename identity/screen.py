"""Step 1, screen: which links count, and which identifiers drop out.

Looks at one identifier and its links only, so every engine can do it wherever these are at hand.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from identity.facts import PAST, Link, Seen, Verdict
from identity.identifier import Identifier
from identity.rules import PairRule, Rules

Links = Mapping[Identifier, Link]


def link_fault(link: Link, rule: PairRule, as_of: int | None) -> str | None:
    """Why a link does not count, or None. What a steward wants linked does not expire."""
    if link.verdict == Verdict.CANNOT:
        return "decided: a steward keeps these two apart"
    if link.verdict == Verdict.MUST:
        return None
    if link.last_seen == PAST:
        return "undone: a steward took the link back"
    if rule.max_age is not None and as_of is not None and link.last_seen < as_of - rule.max_age:
        return "expired: the link was unseen for longer than max_age"
    return None


def is_shut(fault: str | None) -> bool:
    """Whether an identifier with this fault keeps no link. One that expired may: none of them counts."""
    return fault is not None and not fault.startswith("expired")


def expiry(rules: Rules, as_of: int | None) -> dict[str, int]:
    """By type, the event time before which an identifier is expired; not of types that never are."""
    if as_of is None:
        return {}
    return {name: as_of - rule.max_age for name, rule in rules.types.items() if rule.max_age is not None}


def counting(identifier: Identifier, links: Links, rules: Rules, as_of: int | None) -> dict[Identifier, Link]:
    """The links of `identifier` that count, by their other end."""
    return {
        other: link
        for other, link in links.items()
        if link_fault(link, rules.between(identifier.type, other.type), as_of) is None
    }


def identifier_fault(
    identifier: Identifier,
    seen: Seen,
    links: Links,
    rules: Rules,
    as_of: int | None,
    erased_at: int = PAST,
    more: Mapping[str, int] = MappingProxyType({}),
) -> str | None:
    """Why an identifier drops out, or None; `links` are those of its links that count.

    `more` says how many other links to a type count, none of them decided upon.

    Hot is a matter of how many values were met together, whatever becomes of these: it must not
    depend on whether a neighbour is hot itself, or screening would not be local.
    """
    if seen.first_ingested <= erased_at:
        return "erased"
    rule = rules.types[identifier.type]
    decided = any(link.verdict == Verdict.MUST for link in links.values())
    if (
        rule.max_age is not None
        and as_of is not None
        and seen.last_seen < as_of - rule.max_age
        and not decided
    ):
        return f"expired: unseen for longer than the max_age of {identifier.type}"
    if rule.hot is not None and len(links) + sum(more.values()) > rule.hot:
        for type_, count in sorted((Counter(other.type for other in links) + Counter(more)).items()):
            if count > rule.hot:
                return f"hot: linked to more than {rule.hot} values of {type_}"
    return None
