"""Reading a rule file: YAML in, `Rules` out, or every problem at once.

A problem names its path in the file and says what to write instead, for the people who write rules
see this text and not this code.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from identity import attribute_rules, groups, normalise, segment_rules, staleness
from identity.errors import InvalidValueError, RuleError
from identity.problems import Problems
from identity.rules import (
    AGE_REMEDY,
    CONSENT,
    DEFAULT_MAX,
    WHEN_SHARED,
    ConsentRule,
    Rules,
    TypeRule,
    as_age,
    as_regex,
    is_regex,
)

_TYPE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
# A bound that no rule needs to pass; beyond it numbers no longer fit what stores hold them.
_MOST = 1_000_000

_TOP = (
    "version",
    "identifiers",
    "match_keys",
    "unknown_identifiers",
    "consent",
    "profile",
    "segments",
    "groups",
    "stale",
)
# Outcomes of an e-mail that may say something of permissions.
_OUTCOMES = ("hard_bounce", "complaint", "unsubscribe", "subscribe")
_FOR_CONSENT = ("withdraw", "grant", "channel")
_COMMON = (
    "rank",
    "unique",
    "max",
    "normalise",
    "region",
    "max_age",
    "when_shared",
    "hot",
    "certainty",
    "block",
)
_FOR_KEYS = (*_COMMON, "from")


# `<<: *anchor` takes over another mapping's keys; it is no key itself, and may stand beside others.
_MERGE = "tag:yaml.org,2002:merge"


class _OneKeyLoader(yaml.SafeLoader):
    """YAML lets a later key silently replace an equal earlier one; a rule must not vanish so."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        own = [key for key, _ in node.value if key.tag != _MERGE]
        keys = [self.construct_object(key, deep=True) for key in own]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                problem=f"{', '.join(sorted(twice))} is written twice: keep one", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep)


def load(path: Path) -> Rules:
    """Read rules from a file. Raises RuleError, also for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(str(path), [f"cannot be read: {error}"]) from error
    return parse(text, source=str(path))


def parse(text: str, source: str = "rules") -> Rules:
    """Read rules from YAML text; `source` names the file in errors. Raises RuleError."""
    try:
        parsed = document(text)
    except ValueError as error:
        raise RuleError(source, [str(error)]) from error
    return from_mapping(parsed, source)


def document(text: str) -> object:
    """What a YAML text says; a key that is written twice is an error. Raises ValueError."""
    try:
        return yaml.load(text, _OneKeyLoader)  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # YAML makes dates and numbers of what looks like them, and fails where they are none.
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from error


def from_mapping(document: object, source: str = "rules") -> Rules:
    """Rules from an already parsed document. Raises RuleError."""
    reader = _Reader()
    rules = reader.rules(document)
    if reader.problems:
        raise RuleError(source, reader.problems)
    return rules


class _Reader:
    """One pass over a document, collecting problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def rules(self, document: object) -> Rules:
        top = self._mapping(document, "the file", _TOP)
        version = top.get("version", 1)
        if version != 1 or isinstance(version, bool):
            self._wrong("version", "only version 1 is known: write 1")
        unknown = top.get("unknown_identifiers", "error")
        self._one_of("unknown_identifiers", unknown, ("error", "ignore"))
        types: dict[str, TypeRule] = {}
        for section, keys in (("identifiers", _COMMON), ("match_keys", _FOR_KEYS)):
            for name, entry in self._mapping(top.get(section, {}), section).items():
                path = f"{section}.{name}"
                if not isinstance(name, str) or not _TYPE_NAME.fullmatch(name):
                    self._wrong(
                        path,
                        "a type is named by 1 to 64 letters, digits, '_', '.' or '-', quoted if all digits",
                    )
                elif name in types:
                    self._wrong(path, "is also under 'identifiers': name the match key differently")
                else:
                    types[name] = self._type(
                        name, path, self._mapping(entry, path, keys), made=keys is _FOR_KEYS
                    )
        if not types:
            self._wrong("identifiers", "name at least one type, such as 'email: {rank: 1}'")
        consent = CONSENT
        if "consent" in top:
            outcomes = self._mapping(top["consent"], "consent", _OUTCOMES)
            consent = {**CONSENT, **{name: self._consent(name, entry) for name, entry in outcomes.items()}}
        problems = Problems()
        profile = attribute_rules.read(problems, top.get("profile", {}))
        segments = segment_rules.read(problems, top.get("segments", {}), profile)
        grouped = groups.read(problems, top.get("groups", {}), profile)
        stale = staleness.read(problems, top.get("stale", {}), types)
        self.problems += problems.found
        return Rules(
            types,
            ignore_unknown=unknown == "ignore",
            consent=consent,
            profile=profile,
            segments=segments,
            groups=grouped,
            stale=stale,
        )

    def _consent(self, outcome: str, entry: object) -> tuple[ConsentRule, ...]:
        path = f"consent.{outcome}"
        said = self._mapping(entry, path, _FOR_CONSENT)
        channel = said.get("channel", "email")
        if not isinstance(channel, str):
            self._wrong(f"{path}.channel", "write a name, such as email, or '' for all channels")
            channel = ""
        if ("withdraw" in said) == ("grant" in said):
            self._wrong(path, "write one of 'withdraw: marketing' and 'grant: marketing'")
            return ()
        withdraws = "withdraw" in said
        purposes = said["withdraw" if withdraws else "grant"]
        purposes = purposes if isinstance(purposes, list) else [purposes]
        if not purposes or not all(isinstance(name, str) and name.strip() for name in purposes):
            self._wrong(path, "write a purpose or a list of purposes, such as [marketing, profiling]")
            return ()
        return tuple(ConsentRule(name, withdraws, channel) for name in purposes)

    def _type(self, name: str, path: str, entry: Mapping[str, Any], *, made: bool) -> TypeRule:
        if entry.get("rank") is None:
            self._wrong(
                f"{path}.rank", "is missing: write 1 for the strongest type, a larger number for a weaker one"
            )
        normaliser = entry.get("normalise", "text" if made else "none")
        self._one_of(f"{path}.normalise", normaliser, normalise.NAMES)
        paths, parts = self._parts(f"{path}.from", entry.get("from"), str(normaliser)) if made else ((), ())
        region = entry.get("region")
        if region is not None and "phone" not in (normaliser, *parts):
            self._wrong(f"{path}.region", "only serves 'normalise: phone': remove one or add the other")
        elif region is not None and not (isinstance(region, str) and region in normalise.regions()):
            self._wrong(f"{path}.region", "write a country's two-letter code in quotes, such as 'GB'")
            region = None
        certainty = entry.get("certainty", 1.0)
        if isinstance(certainty, bool) or not isinstance(certainty, (int, float)) or not 0 <= certainty <= 1:
            self._wrong(f"{path}.certainty", "write a number from 0 to 1")
            certainty = 1.0
        when_shared = entry.get("when_shared", "newest")
        self._one_of(f"{path}.when_shared", when_shared, WHEN_SHARED)
        rule = TypeRule(
            name=name,
            rank=self._count(path, entry, "rank") or 1,
            max=self._max(path, entry),
            normalise=normaliser if normaliser in normalise.NAMES else "none",
            region=region,
            max_age=self._age(f"{path}.max_age", entry.get("max_age")),
            when_shared=str(when_shared),
            hot=self._count(path, entry, "hot"),
            certainty=float(certainty),
            made_from=paths,
            part_normalise=parts,
        )
        return self._with_block(f"{path}.block", entry.get("block", []), rule)

    def _max(self, path: str, entry: Mapping[str, Any]) -> int:
        unique = entry.get("unique", False)
        if not isinstance(unique, bool):
            self._wrong(f"{path}.unique", "write true or false")
        limit = self._count(path, entry, "max")
        if unique is True and limit not in (None, 1):
            self._wrong(path, "'unique: true' means 'max: 1': remove 'unique' or 'max'")
        return 1 if unique is True else limit or DEFAULT_MAX

    def _count(self, path: str, entry: Mapping[str, Any], key: str) -> int | None:
        if key not in entry:
            return None
        value = entry[key]
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST:
            return value
        if key != "rank" or value is not None:  # a rank of nothing was named already
            self._wrong(f"{path}.{key}", f"write a whole number from 1 to {_MOST}")
        return None

    def _age(self, path: str, value: object) -> int | None:
        if value is None:
            return None
        age = as_age(value)
        if age is None:
            self._wrong(path, AGE_REMEDY)
        return age

    def _parts(self, path: str, value: object, usual: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The attributes of a match key, and the normaliser of each where one is not the key's own."""
        if not isinstance(value, list) or not value:
            self._wrong(path, "write a list of attributes, such as [name.surname, date_of_birth]")
            return (), ()
        parts: list[tuple[str, str]] = []
        for i, entry in enumerate(value):
            pairs = list(entry.items()) if isinstance(entry, dict) else [(entry, usual)]
            if len(pairs) != 1 or not (isinstance(pairs[0][0], str) and pairs[0][0]):
                self._wrong(
                    path, "write a list of attributes, such as [name.surname: metaphone, date_of_birth]"
                )
                return (), ()
            ((attribute, normaliser),) = pairs
            if normaliser not in normalise.NAMES:
                self._one_of(f"{path}[{i}].{attribute}", normaliser, normalise.NAMES)
                normaliser = usual
            parts.append((attribute, normaliser))
        paths, names = zip(*parts, strict=True)
        return paths, (() if set(names) == {usual} else names)

    def _with_block(self, path: str, entries: object, rule: TypeRule) -> TypeRule:
        """Exact entries are normalised like the values that they are compared with."""
        if not isinstance(entries, list):
            self._wrong(path, 'write a list, such as ["test@test.com", "/^guest_/i"]')
            return rule
        normal = normalise.named(rule.normalise, rule.region)
        if rule.made_from:
            normal = normalise.joined([normalise.named(name, rule.region) for _, name in rule.parts])
        block: list[str] = []
        for i, entry in enumerate(entries):
            if not isinstance(entry, str):
                self._wrong(f"{path}[{i}]", "write text, in quotes where YAML reads something else")
                continue
            if entry.startswith("/") and not is_regex(entry):
                self._wrong(
                    f"{path}[{i}]",
                    "begins like a regular expression: write /…/ or /…/i with something between the slashes",
                )
                continue
            try:
                block.append(entry if as_regex(entry) else normal(entry).casefold())
            except re.error as error:
                self._wrong(
                    f"{path}[{i}]",
                    f"is a bad regular expression ({error}): correct what stands between the slashes",
                )
            except InvalidValueError:
                # Never equal to a normalised value, but people list junk as they meet it.
                block.append(entry.casefold())
        return replace(rule, block=tuple(sorted(set(block))))

    def _mapping(self, value: object, path: str, known: tuple[str, ...] = ()) -> Mapping[Any, Any]:
        if not isinstance(value, dict):
            self._wrong(path, "must be a mapping of 'key: value'")
            return {}
        if known:
            for key in value:
                if key not in known:
                    near = get_close_matches(str(key), known, n=1)
                    remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
                    self._wrong(
                        f"{path}.{key}" if path != "the file" else str(key), f"is no known key; {remedy}"
                    )
        return value

    def _one_of(self, path: str, value: object, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            self._wrong(path, f"write one of {', '.join(allowed)}")

    def _wrong(self, path: str, remedy: str) -> None:
        self.problems.append(f"{path}: {remedy}")
