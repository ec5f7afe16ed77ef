"""How personal a value is: a class that configuration names, for the people who answer for the data.

It decides nothing. Identifiers are personal data in the sense of the law in any case; classes tell apart what
names a person by itself from what needs a list to do so.
"""

from collections.abc import Iterable
from typing import Final

from identity.problems import Document, Problems
from identity.rules import Rules

# Mildest first: says nothing of a person; a number that stands for one; who or what a person is; what the law
# protects in particular, such as health or religion (GDPR, article 9).
CLASSES: Final = ("none", "pseudonymous", "personal", "special")
NONE, PSEUDONYMOUS, PERSONAL, SPECIAL = CLASSES

_DIRECT: Final = frozenset({"email", "phone"})


def read(problems: Problems, path: str, value: object) -> str:
    """A class; `true` is personal and `false` is none."""
    if isinstance(value, bool):
        return PERSONAL if value else NONE
    return problems.one_of(path, value, CLASSES)


def of_entry(problems: Problems, path: str, entry: Document) -> str | None:
    """The class that a rule names, if it names one."""
    return read(problems, f"{path}.personal", entry["personal"]) if "personal" in entry else None


def of_identifier(rules: Rules, type_: str, *said: str | None) -> tuple[str, bool]:
    """The class of an identifier type, and whether it is assumed: the strictest of what rules and others say.

    Else what can be written to or called, and what is made of attributes, is personal, other identifiers are
    pseudonymous, and a type that no rule names is personal.
    """
    rule = rules.types.get(type_)
    if rule is None:
        return _strictest(said, PERSONAL)
    direct = rule.made_from or rule.normalise in _DIRECT
    return _strictest((rule.personal, *said), PERSONAL if direct else PSEUDONYMOUS)


def of_attribute(rules: Rules, name: str, *said: str | None) -> tuple[str, bool]:
    """The same of an attribute, which is personal unless somebody says otherwise."""
    rule = rules.profile.get(name)
    return _strictest((None if rule is None else rule.personal, *said), PERSONAL)


def _strictest(said: Iterable[str | None], usual: str) -> tuple[str, bool]:
    named = [class_ for class_ in said if class_ is not None]
    return max(named, key=CLASSES.index, default=usual), not named
