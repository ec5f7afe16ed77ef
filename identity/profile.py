"""The profile: what is known of a customer beside who it is, and where each value came from.

An event or a record *claims* a value for an attribute. A claim belongs to one identifier, the strongest that
its event names, so that a customer hears it once. What an identifier keeps of its claims is a *register*: the
best of them by the attribute's rule, mostly one. Merging two registers takes the best of both. That is
associative, commutative and idempotent, and what is not among the best is not missed: registers are a bounded
join-semilattice (state-based CRDTs: Shapiro et al., 2011). Order, duplicates and batches change nothing, and
the stream needs to know no more than the register of what it has seen itself.

A customer's value is decided from its members' registers: so merges and splits need no work of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from identity.attributes import AttributeRule, measure, plain
from identity.errors import InvalidValueError
from identity.identifier import Identifier
from identity.rules import Rules

# Claims of one attribute that an identifier keeps where they add up: the newest. Of other rules it keeps one.
MOST_SUMMED: Final = 1_000


class Claim(NamedTuple):
    """A value that somebody claims, in its one spelling.

    `source` and `key` name the event or record: what they say counts once. Times are microseconds.
    """

    at: int
    value: str
    source: str
    key: str
    ingested_at: int


# By attribute, the best claims of one identifier, best first.
Registers = Mapping[str, tuple[Claim, ...]]


class Value(NamedTuple):
    """A customer's value of an attribute; where several claims make it, `at` is the newest's."""

    value: str
    source: str
    at: int


def strongest(identifiers: Iterable[Identifier], rules: Rules) -> Identifier | None:
    """The identifier that an event's claims belong to."""
    return min(identifiers, key=lambda x: (rules.types[x.type].rank, x), default=None)


class Told(NamedTuple):
    """A claim for an attribute; with a `fault` it counts for nothing, and its value is empty."""

    attribute: str
    claim: Claim
    fault: str | None = None


def claims(
    rules: Rules, attributes: Mapping[str, str], source: str, key: str, at: int, ingested_at: int
) -> Iterator[Told]:
    """What an event or record with these attributes claims."""
    for name, raw in attributes.items():
        rule = rules.profile.get(name)
        if rule is None or not rule.takes(source):
            continue
        try:
            value = rule.read(raw)
        except InvalidValueError as error:
            yield Told(name, Claim(at, "", source, key, ingested_at), str(error))
            continue
        if value is not None:
            yield Told(name, Claim(at, value, source, key, ingested_at))


def register(rule: AttributeRule, some: Iterable[Claim]) -> tuple[Claim, ...]:
    """The best of some claims, best first; the merge of registers is that of all their claims."""
    claims_ = tuple(some)
    if len(claims_) == 1:
        return claims_
    by_record: dict[tuple[str, str], tuple[tuple[Any, ...], Claim]] = {}
    for claim in claims_:
        order, where = _order(rule, claim), (claim.source, claim.key)
        known = by_record.get(where)
        # Of the same said twice, it counts when it was taken in first.
        if known is None or (known[0], -known[1].ingested_at) < (order, -claim.ingested_at):
            by_record[where] = order, claim
    if not by_record:
        return ()
    if rule.rule != "sum":
        return (max(by_record.values())[1],)
    most = MOST_SUMMED if rule.most is None else rule.most
    return tuple(claim for _, claim in sorted(by_record.values(), reverse=True)[:most])


def merged(rules: Rules, *several: Registers) -> dict[str, tuple[Claim, ...]]:
    """Registers of one identifier as one. Attributes that no rule names any more are left out."""
    together = _together(several)
    return {
        name: register(rule, together[name]) for name, rule in rules.registers.items() if together.get(name)
    }


def profile(rules: Rules, members: Iterable[Registers]) -> dict[str, Value]:
    """What a customer's members say together, by attribute."""
    together = _together(members)
    return {
        name: _value(rule, together[name])
        for name, rule in sorted(rules.profile.items())
        if together.get(name)
    }


def _together(several: Iterable[Registers]) -> dict[str, list[Claim]]:
    together: dict[str, list[Claim]] = {}
    for registers in several:
        for name, some in registers.items():
            together.setdefault(name, []).extend(some)
    return together


def _value(rule: AttributeRule, some: Sequence[Claim]) -> Value:
    if rule.rule != "sum":
        (best,) = register(rule, some)
        return Value(best.value, best.source, best.at)
    # The same record is in no two registers, unless the rules have changed its strongest identifier since.
    once = {(claim.source, claim.key): claim for claim in sorted(some, key=lambda claim: _order(rule, claim))}
    total = sum((Decimal(claim.value) for claim in once.values()), Decimal(0))
    sources = sorted({claim.source for claim in once.values()})
    return Value(plain(total), ", ".join(sources), max(claim.at for claim in once.values()))


def _order(rule: AttributeRule, claim: Claim) -> tuple[Any, ...]:
    """Orders claims, the best last; when they were taken in is no part of what they say."""
    return (_goodness(rule, claim), claim.at, claim.value, claim.source, claim.key)


def _goodness(rule: AttributeRule, claim: Claim) -> Decimal | int:
    good: Decimal | int = 0  # so that the newest is the best
    match rule.rule:
        case "oldest":
            good = -claim.at
        case "most_trusted":
            good = -rule.sources.index(claim.source)
        case "longest":
            good = len(claim.value)
        case "max":
            good = measure(claim.value, rule.type)
        case "min":
            good = -measure(claim.value, rule.type)
        case "any_true":
            good = claim.value == "true"
        case "all_true":
            good = claim.value == "false"
    return good
