"""Reading a rule file: YAML in, `Rules` out, or every problem at once.

A problem names its path in the file and says what to write instead, for the people who write rules
see this text and not this code.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from identity import attribute_rules, consent_rules, groups, objection, segment_rules, staleness, type_rules
from identity.errors import RuleError
from identity.problems import Document, Problems
from identity.rules import Rules

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
    "joining",
)


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
    problems = Problems()
    rules = _read(problems, problems.mapping("the file", document, _TOP))
    if problems.found:
        raise RuleError(source, problems.found)
    return rules


def _read(problems: Problems, top: Document) -> Rules:
    version = top.get("version", 1)
    if version != 1 or isinstance(version, bool):
        problems.wrong("version", "only version 1 is known: write 1")
    unknown = problems.one_of(
        "unknown_identifiers", top.get("unknown_identifiers", "error"), ("error", "ignore")
    )
    types = type_rules.read(problems, top.get("identifiers", {}), top.get("match_keys", {}))
    consent = consent_rules.read(problems, top.get("consent", {}))
    profile = attribute_rules.read(problems, top.get("profile", {}))
    return Rules(
        types,
        ignore_unknown=unknown == "ignore",
        consent=consent,
        profile=profile,
        segments=segment_rules.read(problems, top.get("segments", {}), profile),
        groups=groups.read(problems, top.get("groups", {}), profile),
        stale=staleness.read(problems, top.get("stale", {}), types),
        joining=objection.read(problems, top["joining"]) if "joining" in top else "",
    )
