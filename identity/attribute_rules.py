"""Reading the rule file's `profile` section: rules of attributes, or every problem with them."""

import re
from typing import Final

from identity import personal
from identity.attributes import RULES, TYPES, AttributeRule, measure, spelled
from identity.errors import InvalidValueError
from identity.problems import Document, Problems

KEYS: Final = ("rule", "type", "sources", "personal", "pattern", "min", "max")
_NAME = re.compile(r"[^\s\x00#][^\s\x00]{0,63}")


def read(problems: Problems, section: object) -> dict[str, AttributeRule]:
    """The rules, by attribute."""
    return {
        name: _attribute(problems, name, problems.mapping(f"profile.{name}", entry, KEYS))
        for name, entry in problems.mapping("profile", section).items()
    }


def _attribute(problems: Problems, name: str, entry: Document) -> AttributeRule:
    path = f"profile.{name}"
    if not _NAME.fullmatch(name):
        problems.wrong(
            path,
            "name it as events do: up to 64 characters without blanks, the first no '#'",
        )
    rule = problems.one_of(f"{path}.rule", entry.get("rule", "newest"), tuple(RULES))
    type_ = problems.one_of(f"{path}.type", entry.get("type", RULES[rule][0]), TYPES)
    if type_ not in RULES[rule]:
        problems.wrong(f"{path}.type", f"'rule: {rule}' needs one of {', '.join(RULES[rule])}")
    sources = problems.texts(f"{path}.sources", entry["sources"], "[crm, web]") if "sources" in entry else ()
    if len(set(sources)) < len(sources):
        problems.wrong(f"{path}.sources", "names a source twice: keep one")
    if rule == "most_trusted" and not sources:
        problems.wrong(f"{path}.sources", "is missing: name the sources, the most trusted first")
    found = AttributeRule(
        name=name,
        rule=rule,
        type=type_,
        sources=sources,
        personal=personal.of_entry(problems, path, entry),
        pattern=problems.pattern(f"{path}.pattern", entry["pattern"], '"[A-Z]{2}"')
        if "pattern" in entry
        else None,
        minimum=_bound(problems, f"{path}.min", entry["min"], type_) if "min" in entry else None,
        maximum=_bound(problems, f"{path}.max", entry["max"], type_) if "max" in entry else None,
    )
    if found.minimum and found.maximum and measure(found.minimum, type_) > measure(found.maximum, type_):
        problems.wrong(f"{path}.min", "is more than 'max': no value is between them")
    return found


def _bound(problems: Problems, path: str, value: object, type_: str) -> str | None:
    if type_ not in RULES["max"]:
        problems.wrong(path, f"serves only the types {', '.join(RULES['max'])}: remove it")
        return None
    text = problems.text(path, value, "2026-01-31" if type_ == "date" else "100")
    try:
        bound = spelled(text, type_) if text else None
    except InvalidValueError as error:
        problems.wrong(path, str(error))
        return None
    return bound
