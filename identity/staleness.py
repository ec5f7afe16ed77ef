"""Stale identifiers: an address whose mails come back links nobody new until it shows a sign of life.

Facts say when an identifier failed (a mail bounced) and when it last showed life (a click, a login): see
`facts.Signs`. It is stale while there are enough failures after its last sign of life, as the rules count
them, and *since* the one that made it enough. In step 2 a stale identifier keeps no link that was first seen
after that moment, unless a steward wants it; what it was linked with before stays. Its next sign of life
makes it as if it had never failed.

Who objects to being joined (`identity.objection`) is treated as if he had been stale for ever, and that
no steward can change: he keeps no link at all.

As with `max`, only its own end of a link is concerned. A neighbour need not know, and goes on counting the
link: so this looks at one identifier and its links only, like all of steps 1 and 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from identity.facts import MOST_FAILURES, PAST, Failure, Link, Signs, Verdict
from identity.identifier import Identifier
from identity.problems import Document, Problems
from identity.rules import Rules

KEYS: Final = ("after", "revived_by", "certainty")

# Outcomes of an e-mail that may count as failures of its address.
FAILURES: Final = ("soft_bounce", "hard_bounce", "complaint", "unsubscribe")

# Since when he is stale who objects to being joined.
APART: Final = PAST


@dataclass(frozen=True)
class StaleRule:
    """What makes identifiers of one type stale, and what revives them.

    `after` says of an outcome how often it takes; `revived_by` are outcomes of e-mails and kinds of web
    events. An answer for a stale identifier is as certain as `certainty` times what it would be.
    """

    after: Mapping[str, int]
    revived_by: tuple[str, ...]
    certainty: float = 0.5

    def told(self, kind: str, at: int, *, may_fail: bool) -> Signs | None:
        """What an event of a kind tells of an identifier, if anything; of a failure only if it may."""
        if kind in self.revived_by:
            return Signs(revived=at)
        return Signs(failures=(Failure(at, kind),)) if may_fail and kind in self.after else None

    def since(self, signs: Signs) -> int | None:
        """Since when an identifier with these signs is stale (microseconds); None if it is not."""
        began = []
        for kind, count in self.after.items():
            newest_first = [failure.at for failure in signs.failures if failure.kind == kind]
            if len(newest_first) >= count:
                began.append(newest_first[-count])
        return min(began, default=None)


def since(x: Identifier, signs: Signs, rules: Rules) -> int | None:
    """Since when x, with these signs, is stale (microseconds); None if it is not, APART if it objects."""
    if signs.word.objects:
        return APART
    rule = rules.stale.get(x.type)
    return rule.since(signs) if rule is not None else None


def may_keep(link: Link, stale: int | None) -> bool:
    """Whether an identifier that is stale since then, or not at all, may keep a link."""
    if stale is None:
        return True
    return stale != APART and (link.first_seen <= stale or link.verdict == Verdict.MUST)


def may_be_kept(links: Mapping[Identifier, Link], stale: int | None) -> Mapping[Identifier, Link]:
    """Those of its links, by their other ends, that it may keep."""
    return links if stale is None else {z: link for z, link in links.items() if may_keep(link, stale)}


def not_kept(by: Identifier, stale: int | None) -> str:
    """The reason for a link that `by`, stale since then, may not keep."""
    if stale == APART:
        return f"objected: this {by.type} stays apart, until joining it is permitted again"
    return f"stale: this {by.type} has failed, and links nobody new until it shows a sign of life"


def read(problems: Problems, section: object, types: Mapping[str, object]) -> dict[str, StaleRule]:
    """The rule file's `stale` section, by identifier type; `types` are those that there are."""
    found = {}
    for name, entry in problems.mapping("stale", section).items():
        if name not in types:
            problems.wrong(f"stale.{name}", f"is no identifier type: use one of {', '.join(types)}")
        found[name] = _rule(problems, f"stale.{name}", problems.mapping(f"stale.{name}", entry, KEYS))
    return found


def _rule(problems: Problems, path: str, entry: Document) -> StaleRule:
    after = problems.mapping(f"{path}.after", entry.get("after", {}), FAILURES)
    if not after and isinstance(entry.get("after", {}), dict):
        problems.wrong(f"{path}.after", "is missing: write how often it takes, such as {hard_bounce: 1}")
    for kind, count in after.items():
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_FAILURES:
            problems.wrong(f"{path}.after.{kind}", f"write a whole number from 1 to {MOST_FAILURES}")
    if "revived_by" in entry:
        revived_by = problems.texts(f"{path}.revived_by", entry["revived_by"], "[click, login]")
    else:
        problems.wrong(f"{path}.revived_by", "is missing: name signs of life, such as [click, login]")
        revived_by = ()
    for kind in after.keys() & {*revived_by}:
        problems.wrong(f"{path}.revived_by", f"{kind} is also under 'after': keep one")
    certainty = problems.share(f"{path}.certainty", entry.get("certainty", StaleRule.certainty))
    return StaleRule(after, revived_by, certainty)
