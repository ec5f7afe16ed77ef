"""From an event to facts: normalise, make match keys, set aside what can link nobody.

Junk and malformed values are set aside here, before they can become identifiers that half the world
is linked to. Whatever else resolution drops (expired, erased, hot) depends on more than one event and
is decided in `identity.screen`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache

from identity import normalise, objection
from identity.consent import Permission, Statement
from identity.errors import InvalidValueError, UnknownTypeError
from identity.facts import Facts
from identity.identifier import Identifier, Screened
from identity.junk import is_junk
from identity.normalise import SEPARATOR
from identity.notation import as_regex, is_regex
from identity.rules import Rules, TypeRule
from identity.tombstones import Tombstones

# To normalise most values costs less than to remember them: a memory that is large enough to hold them is too
# large for the processor's caches. These cost the least, and one of the others up to some 100 microseconds.
_CHEAP = frozenset({"none", "email"})
_REMEMBERED = 1 << 16

_JUNK = "blocked: stands for no value"


class Observer:
    """Turns events into facts by one set of `rules`; remembers what it took long to normalise."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        named = _normalisers()
        self._normalise = {name: named(rule.normalise, rule.region) for name, rule in rules.types.items()}
        # Of each match key.
        self._parts = {
            rule.name: tuple(named(name, rule.region) for _, name in rule.parts) for rule in rules.match_keys
        }
        self._normalise |= {name: normalise.joined(parts) for name, parts in self._parts.items()}
        self._exact = {name: _exact(rule) for name, rule in rules.types.items()}
        self._patterns = {name: _patterns(rule) for name, rule in rules.types.items()}

    def identify(self, type_: str, raw: str) -> Screened:
        """The identifier that a raw value means, and why it can link nobody (None if it can).

        Raises UnknownTypeError where no rule names the type.
        """
        normalise_ = self._normalise.get(type_)
        if normalise_ is None:
            raise UnknownTypeError(type_, tuple(self.rules.types))
        bare = raw.strip()
        if is_junk(bare):
            return Identifier(type_, bare), _JUNK
        if normalise_ is normalise.plain:
            return Identifier(type_, bare), self._fault(type_, bare)
        try:
            value = normalise_(raw)
        except InvalidValueError as error:
            return Identifier(type_, bare), f"invalid: {error}"
        if value != bare and is_junk(value):
            return Identifier(type_, value), _JUNK
        return Identifier(type_, value), self._fault(type_, value)

    def _fault(self, type_: str, value: str) -> str | None:
        exact, patterns = self._exact[type_], self._patterns[type_]
        if (exact and value.casefold() in exact) or (patterns and any(p.search(value) for p in patterns)):
            return f"blocked: by the rule for {type_}"
        return None

    def observe(
        self,
        facts: Facts,
        identifiers: Mapping[str, Iterable[str]],
        attributes: Mapping[str, str],
        occurred_at: int,
        ingested_at: int,
        tombstones: Tombstones | None = None,
        told_at: int | None = None,
    ) -> list[Identifier]:
        """Add to `facts` what one event says; returns the identifiers that it was seen with.

        `identifiers` maps a type to raw values, `attributes` a dotted path to its value; times are
        microseconds. Raises UnknownTypeError, with nothing added, where no rule names a type.

        Who is erased drops out of the event, and all its attributes with him: they tell of a person. What
        counts is when the event was taken in, or `told_at`, for one that is older than its arrival.
        """
        at = ingested_at if told_at is None else told_at
        screened = self.screened(identifiers)
        keys = [key for rule in self.rules.match_keys for key in self._match_key(rule, attributes)]
        if tombstones and at <= tombstones.newest:
            left = tombstones.left(screened, at)
            if left != screened or tombstones.left(keys, at) != keys:
                screened, keys = left, []
        screened += keys
        good = [identifier for identifier, fault in screened if fault is None]
        if len(good) < len(screened):
            for identifier, fault in screened:
                if fault is not None:
                    facts.add_quarantined(identifier, fault)
        facts.add_sighting(good, occurred_at, ingested_at)
        return good

    def tell(self, facts: Facts, about: Iterable[Identifier], kind: str, at: int, *, may_fail: bool) -> None:
        """Add to `facts` what an event, with these identifiers, says of whether they are stale.

        `kind` is the outcome of an e-mail, which alone `may_fail`, or what happened on the web; `at` is event
        time (microseconds).
        """
        if kind not in self.rules.signs:
            return
        rules = self.rules.stale
        for x in about:
            rule = rules.get(x[0])
            signs = rule.told(kind, at, may_fail=may_fail) if rule is not None else None
            if signs is not None:
                facts.add_signs(x, signs)

    def hear(self, facts: Facts, about: Iterable[Identifier], claims: Mapping[Permission, Statement]) -> None:
        """Add to `facts` what statements on permissions, of these identifiers, say of being joined."""
        signs = objection.told(self.rules.joining, claims) if self.rules.joining else None
        if signs is not None:
            for x in about:
                facts.add_signs(x, signs)

    def screened(self, identifiers: Mapping[str, Iterable[str]]) -> list[Screened]:
        """What each raw value means. Raises UnknownTypeError where no rule names a type."""
        if self.rules.ignore_unknown:
            known = self.rules.types
            identifiers = {type_: values for type_, values in identifiers.items() if type_ in known}
        identify = self.identify
        return [identify(type_, raw) for type_, values in identifiers.items() for raw in values]

    def _match_key(self, rule: TypeRule, attributes: Mapping[str, str]) -> list[Screened]:
        """The match key, or nothing where an attribute is missing or says nothing."""
        if not attributes:
            return []
        parts = []
        for path, normalise_ in zip(rule.made_from, self._parts[rule.name], strict=True):
            raw = attributes.get(path)
            if raw is None or is_junk(raw.strip()):
                return []
            try:
                part = normalise_(raw)
            except InvalidValueError:
                return []
            if is_junk(part):
                return []
            parts.append(part.replace(SEPARATOR, " "))
        value = SEPARATOR.join(parts)
        fault = _JUNK if is_junk(value) else self._fault(rule.name, value)
        return [(Identifier(rule.name, value), fault)]


def _normalisers() -> Callable[[str, str | None], normalise.Normaliser]:
    """Gives normalisers by name and region, each once: an attribute is often a part of several keys."""

    @cache
    def named(name: str, region: str | None) -> normalise.Normaliser:
        found = normalise.named(name, region)
        return found if name in _CHEAP else lru_cache(maxsize=_REMEMBERED)(found)

    return named


def _exact(rule: TypeRule) -> frozenset[str]:
    return frozenset(entry.casefold() for entry in rule.block if not is_regex(entry))


def _patterns(rule: TypeRule) -> tuple[re.Pattern[str], ...]:
    return tuple(pattern for pattern in map(as_regex, rule.block) if pattern is not None)
